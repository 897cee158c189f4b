// What the Debug Adapter Protocol says a message must look like, as JSON schemas: made from the types of
// @vscode/debugprotocol, which are made from the protocol's own schema. Stricter than that: no field that it does not name.
'use strict';
const Ajv = require('ajv');
const { createGenerator } = require('ts-json-schema-generator');

const schema = createGenerator({
  path: require.resolve('@vscode/debugprotocol/lib/debugProtocol.d.ts'),
  type: '*',
  skipTypeCheck: true,
}).createSchema('*');
const ajv = new Ajv({ strict: false, allErrors: true });
ajv.addSchema(schema, 'dap');

const capital = (word) => word[0].toUpperCase() + word.slice(1);
const type_of = (message) => {
  if (message.type === 'event') return `${capital(message.event)}Event`;
  return message.success ? `${capital(message.command)}Response` : 'ErrorResponse';
};

/** What is wrong with a message of an adapter; empty if nothing is. */
exports.faults = (message) => {
  const type = type_of(message);
  if (schema.definitions[`DebugProtocol.${type}`] === undefined) return `there is no ${type}`;
  const validate = ajv.getSchema(`dap#/definitions/DebugProtocol.${type}`);
  return validate(message) ? '' : `${type}: ${ajv.errorsText(validate.errors)}: ${JSON.stringify(message)}`;
};
