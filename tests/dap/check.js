// Drives `stepper --dap` as an IDE does, with the client that adapters of VS Code are tested with, and holds every message
// against the protocol's schema. Run by tools/dap-check.
'use strict';
const assert = require('node:assert');
const { execFile } = require('node:child_process');
const { test } = require('node:test');
const { promisify } = require('node:util');
const { DebugClient } = require('@vscode/debugadapter-testsupport');
const { faults } = require('./schema');

const { DAP_PORT, DAP_TOKEN, DAP_SOURCE, RECORDING_PORT, RECORDING_TOKEN, SMB_SERVER, SMB_FILE } = process.env;
const operation = `${DAP_SOURCE}/ff_driver/operation.cpp`;
const put = (name) =>
  promisify(execFile)('smbclient', [
    `//${SMB_SERVER}/share0`, '-p', '4450', '-U', 'tester%secret', '-c', `put ${SMB_FILE} ${name}`,
  ]);

/** Everything that the server said, and what the schema says against it. */
const said = { messages: 0, faults: [] };

const connect = async (port = DAP_PORT) => {
  const ide = new DebugClient('', '', 'understudy');
  const dispatch = ide.dispatch.bind(ide);
  ide.dispatch = (text) => {
    const wrong = faults(JSON.parse(text));
    said.messages += 1;
    if (wrong) said.faults.push(wrong);
    dispatch(text);
  };
  await ide.start(Number(port));
  return ide;
};

const line_of = async (ide, step) => {
  const text = (await ide.customRequest('source', { source: { path: operation }, sourceReference: 0 })).body.content;
  return text.split('\n').findIndex((line) => line.includes(`Step::s${step}`)) + 1;
};
const top = async (ide, stopped) =>
  (await ide.stackTraceRequest({ threadId: stopped.body.threadId })).body.stackFrames[0];
/** Does what `ask` asks, and waits for the stop. */
const stop_of = async (ide, ask) => {
  const stopped = ide.waitForEvent('stopped');
  await ask();
  return stopped;
};
const scope_of = async (ide, frame, name) => {
  const { scopes } = (await ide.scopesRequest({ frameId: frame.id })).body;
  const { variablesReference } = scopes.find((each) => each.name === name);
  return { variablesReference, ...(await ide.variablesRequest({ variablesReference })).body };
};

test('one write, from a line of the source to the other node and back', async () => {
  const ide = await connect();
  const attached = { token: DAP_TOKEN };
  const source = { path: operation };

  // As DebugClient.hitBreakpoint does, but with a file that is put meanwhile.
  await Promise.all([
    ide.waitForEvent('initialized'),
    ide.initializeRequest().then((answer) => {
      assert.strictEqual(answer.body.supportsDataBreakpoints, true);
      assert.strictEqual(answer.body.supportsStepBack, false);
      return ide.attachRequest(attached);
    }),
  ]);
  const line = await line_of(ide, 408);
  const set = await ide.setBreakpointsRequest({ source, breakpoints: [{ line, condition: 'lun == 0' }] });
  assert.deepStrictEqual(
    set.body.breakpoints.map((each) => [each.verified, each.line]), [[true, line]]);
  const bad = await ide.setBreakpointsRequest({ source: { path: `${DAP_SOURCE}/README.md` }, breakpoints: [{ line: 1 }] });
  assert.strictEqual(bad.body.breakpoints[0].verified, false);
  const stopped = ide.assertStoppedLocation('breakpoint', { path: operation, line });
  await ide.configurationDoneRequest();
  const putting = put('one');
  const [frame, ...before] = (await stopped).body.stackFrames;
  assert.match(frame.name, /^a\.ff_driver {2}STEP 408/);
  assert.match(before.at(-1).name, /^a\.netstack {2}/);

  const { threads } = (await ide.threadsRequest()).body;
  assert.strictEqual(threads.length, 12);
  const id_of = (name) => threads.find((each) => each.name === name).id;
  for (const { id } of threads) {
    for (const each of (await ide.stackTraceRequest({ threadId: id })).body.stackFrames)
      await ide.scopesRequest({ frameId: each.id });
  }
  const irp = await scope_of(ide, frame, 'IRP');
  const lsn = irp.variables.find((each) => each.name === 'lsn').value;
  for (const each of ['Cache', 'Mirror', 'Ledger']) await scope_of(ide, frame, each);

  await ide.setBreakpointsRequest({ source, breakpoints: [] });
  const { targets } = (await ide.stepInTargetsRequest({ frameId: frame.id })).body;
  const target = targets.find((each) => each.label.startsWith('a.rd_driver'));
  const a_ff_driver = id_of('a.ff_driver');
  let at = await stop_of(ide, () => ide.stepInRequest({ threadId: a_ff_driver, targetId: target.id }));
  assert.match((await top(ide, at)).name, /^a\.rd_driver {2}/);
  at = await stop_of(ide, () => ide.stepInRequest({ threadId: at.body.threadId }));
  assert.match((await top(ide, at)).name, /^b\.mirror_server {2}/);
  at = await stop_of(ide, () => ide.nextRequest({ threadId: at.body.threadId }));
  assert.match((await top(ide, at)).name, /^b\.mirror_server {2}STEP 408/);

  const name = `b: lun 0 lsn ${lsn}`;
  const mirror = await scope_of(ide, await top(ide, at), 'Mirror');
  assert.ok(mirror.variables.some((each) => each.name === name), JSON.stringify(mirror));
  const { dataId, accessTypes } =
    (await ide.dataBreakpointInfoRequest({ variablesReference: mirror.variablesReference, name })).body;
  await ide.dataBreakpointInfoRequest({ variablesReference: irp.variablesReference, name: 'lsn' });
  at = await stop_of(ide, () => ide.stepOutRequest({ threadId: at.body.threadId }));
  assert.match((await top(ide, at)).name, /^a\./);
  await ide.setDataBreakpointsRequest(
    { breakpoints: [{ dataId, accessType: accessTypes[0], condition: 'step == 418' }] });
  let removed = false;
  ide.on('breakpoint', (event) => { removed = event.body.reason === 'removed'; });
  while (!removed) {
    at = await stop_of(ide, () => ide.continueRequest({ threadId: 1 }));
    assert.strictEqual(at.body.reason, 'data breakpoint');
    assert.match((await top(ide, at)).name, /STEP 418/);
  }
  await ide.continueRequest({ threadId: 1 });
  await putting;
  await ide.disconnectRequest();
});

test('of two messages that wait, the one that is stepped into goes first', async () => {
  const ide = await connect();
  await ide.initializeRequest();
  await ide.launchRequest({ token: DAP_TOKEN });
  await ide.configurationDoneRequest();
  const say = async (expression) => (await ide.evaluateRequest({ expression, context: 'repl' })).body.result;
  await say('hang a.ff_driver');
  const clients = ['p', 'q', 'r'].map(put);
  // They wait where the filter does not take them: looked at again and again, as nothing tells of it.
  const waiting = /a\.netstack to ff_driver/g;
  for (let found = []; found.length < 3;) {
    await stop_of(ide, () => ide.pauseRequest({ threadId: 1 }));
    found = (await say('pending')).match(waiting) ?? [];
    if (found.length < 3) await ide.continueRequest({ threadId: 1 });
  }
  await ide.setFunctionBreakpointsRequest({ breakpoints: [{ name: '400', condition: 'layer == ff_driver' }] });
  await say('wake a.ff_driver');
  let at = await stop_of(ide, () => ide.continueRequest({ threadId: 1 }));
  const first = await top(ide, at);
  assert.match(first.name, /^a\.ff_driver {2}STEP 400/);
  await ide.setFunctionBreakpointsRequest({ breakpoints: [] });
  const messages = (await ide.stepInTargetsRequest({ frameId: first.id })).body.targets
    .filter((each) => each.label.startsWith('message') && each.label.includes('from netstack'));
  assert.strictEqual(messages.length, 2, JSON.stringify(messages));
  const order = async () => (await ide.evaluateRequest({ expression: 'pending', context: 'repl' })).body.result;
  const before = (await order()).split('\n').filter((line) => line.includes('a.netstack to ff_driver'));
  at = await stop_of(ide, () => ide.stepInRequest({ threadId: at.body.threadId, targetId: messages[1].id }));
  assert.match((await top(ide, at)).name, /^a\.ff_driver {2}is asked by netstack/);
  const after = (await order()).split('\n').filter((line) => line.includes('a.netstack to ff_driver'));
  assert.strictEqual(before.length, 2);
  assert.strictEqual(after.length, 1, 'the other one still waits');
  await ide.continueRequest({ threadId: 1 });
  await Promise.all(clients);
  await ide.disconnectRequest();
});

test('pausing, commands, what is refused', async () => {
  const ide = await connect();
  await ide.initializeRequest();
  await ide.launchRequest({ token: DAP_TOKEN, stopOnEntry: true });
  const [paused] = await Promise.all([ide.waitForEvent('stopped'), ide.configurationDoneRequest()]);
  assert.strictEqual(paused.body.reason, 'pause');
  assert.strictEqual(paused.body.allThreadsStopped, true);
  const ledger = await ide.evaluateRequest({ expression: 'ledger', context: 'repl' });
  assert.match(ledger.body.result, /Lost if the machine of b died now: nothing/);
  await ide.variablesRequest({ variablesReference: ledger.body.variablesReference });
  assert.ok((await ide.completionsRequest({ text: 'brea', column: 5 })).body.targets.length > 0);
  await ide.customRequest('loadedSources');
  await ide.customRequest('breakpointLocations', { source: { path: operation }, line: 1, endLine: 500 });
  await assert.rejects(ide.nextRequest({ threadId: paused.body.threadId }), /no operation to follow/);
  await assert.rejects(ide.stepBackRequest({ threadId: 1 }), /no recording/);
  await assert.rejects(ide.setVariableRequest({ variablesReference: 1, name: 'x', value: '1' }), /cannot be set/);
  await assert.rejects(ide.evaluateRequest({ expression: 'nonsense', context: 'repl' }), /no command/);
  await assert.rejects(ide.evaluateRequest({ expression: 'kill', context: 'hover' }), /no field/);
  await assert.rejects(ide.customRequest('restartFrame', { frameId: 1 }), /knows no/);
  const continued = ide.waitForEvent('continued');
  await ide.evaluateRequest({ expression: 'continue', context: 'repl' });
  await continued;
  const functions = await ide.setFunctionBreakpointsRequest(
    { breakpoints: [{ name: 'STEP 412', condition: 'lun == 0' }, { name: 'nonsense' }] });
  assert.deepStrictEqual(functions.body.breakpoints.map((each) => each.verified), [true, false]);
  let putting;
  const stopped = await stop_of(ide, async () => { putting = put('two'); });
  assert.strictEqual(stopped.body.reason, 'function breakpoint');
  await Promise.all([ide.waitForEvent('terminated'), ide.terminateRequest()]);
  await putting;
  await ide.disconnectRequest();
});

test('a takeover stops everything', async () => {
  const ide = await connect();
  await ide.initializeRequest();
  await ide.attachRequest({ token: DAP_TOKEN });
  await ide.setExceptionBreakpointsRequest({ filters: ['takeover', 'storage_error'] });
  await ide.configurationDoneRequest();
  const stopped = await stop_of(ide, () => ide.evaluateRequest({ expression: 'kill b', context: 'repl' }));
  assert.strictEqual(stopped.body.reason, 'exception');
  const { threadId } = stopped.body;
  assert.strictEqual((await ide.exceptionInfoRequest({ threadId })).body.exceptionId, 'takeover');
  assert.match((await top(ide, stopped)).name, /^a\.cluster_app {2}STEP 304/);
  const next = await stop_of(ide, () => ide.nextRequest({ threadId }));
  assert.strictEqual(next.body.reason, 'step');
  await ide.disconnectRequest();
  await put('three');
});

test('nobody is served without the token', async () => {
  const ide = await connect();
  await ide.initializeRequest();
  await assert.rejects(ide.threadsRequest(), /attach first/);
  await assert.rejects(ide.attachRequest({ token: 'guess' }), /token/);
});

test('a recording, in which a rule broke, forward and back', async () => {
  const ide = await connect(RECORDING_PORT);
  assert.strictEqual((await ide.initializeRequest()).body.supportsStepBack, true);
  await ide.attachRequest({ token: RECORDING_TOKEN });
  let at = await stop_of(ide, () => ide.configurationDoneRequest());
  assert.strictEqual(at.body.reason, 'exception');
  assert.match(at.body.description, /^BROKEN rule 6/);
  const { threadId } = at.body;
  assert.strictEqual((await ide.exceptionInfoRequest({ threadId })).body.description, at.body.description);
  for (const { id } of (await ide.threadsRequest()).body.threads) {
    for (const each of (await ide.stackTraceRequest({ threadId: id })).body.stackFrames)
      await ide.scopesRequest({ frameId: each.id });
  }
  for (const each of ['IRP', 'Cache', 'Mirror', 'Ledger']) {
    const { variables } = await scope_of(ide, await top(ide, at), each);
    assert.strictEqual(variables[0].name, 'as_of', each);
  }

  const set = (breakpoints) => ide.setFunctionBreakpointsRequest({ breakpoints });
  const continued = ide.waitForEvent('continued');
  at = await stop_of(ide, () => ide.evaluateRequest({ expression: 'goto 1', context: 'repl' }));
  await continued;
  await set([{ name: 'STEP 400 on a.ff_driver', condition: 'lun == 0 && major == write' }]);
  at = await stop_of(ide, () => ide.continueRequest({ threadId: at.body.threadId }));
  assert.strictEqual(at.body.reason, 'function breakpoint');
  await set([]);
  const way = [await top(ide, at)];
  while (!/STEP 412/.test(way.at(-1).name) && way.length < 30) {
    at = await stop_of(ide, () => ide.nextRequest({ threadId: at.body.threadId }));
    assert.strictEqual(at.body.reason, 'step');
    way.push(await top(ide, at));
  }
  assert.match(way.at(-1).name, /^a\.ff_driver {2}STEP 412/);
  assert.ok(way.some((each) => each.name.startsWith('b.mirror_server')), JSON.stringify(way));
  for (const before of way.slice(0, -1).reverse()) {
    at = await stop_of(ide, () => ide.stepBackRequest({ threadId: at.body.threadId }));
    assert.strictEqual(at.body.reason, 'step');
    const { name, line, source } = await top(ide, at);
    assert.deepStrictEqual([name, line, source], [before.name, before.line, before.source]);
  }

  at = await stop_of(ide, () => ide.continueRequest({ threadId }));
  assert.strictEqual(at.body.reason, 'exception');
  while (at.body.reason === 'exception') at = await stop_of(ide, () => ide.continueRequest({ threadId }));
  assert.deepStrictEqual([at.body.reason, at.body.description], ['end', 'The recording ends here.']);
  await assert.rejects(ide.reverseContinueRequest({ threadId }), /no breakpoint/);
  await set([{ name: 'STEP 410 on a', condition: 'lun == 0' }]);
  at = await stop_of(ide, () => ide.reverseContinueRequest({ threadId }));
  assert.match((await top(ide, at)).name, /^a\.ff_driver {2}STEP 410/);
  await set([]);
  await ide.setExceptionBreakpointsRequest({ filters: ['ruleBroken'] });
  at = await stop_of(ide, () => ide.continueRequest({ threadId }));
  assert.strictEqual(at.body.reason, 'exception');
  assert.match(at.body.description, /^BROKEN rule/);
  assert.strictEqual((await ide.exceptionInfoRequest({ threadId })).body.exceptionId, 'ruleBroken');
  await assert.rejects(ide.evaluateRequest({ expression: 'kill a', context: 'repl' }), /only shows what was/);
  await assert.rejects(ide.setVariableRequest({ variablesReference: 1, name: 'x', value: '1' }), /only shows what was/);
  await assert.rejects(ide.pauseRequest({ threadId }), /stands always/);
  await Promise.all([ide.waitForEvent('terminated'), ide.terminateRequest()]);
  await ide.disconnectRequest();
});

test('every message is as the protocol wants it', () => {
  assert.notStrictEqual(faults({ seq: 1, type: 'event', event: 'stopped', body: { threadId: 1 } }), '', 'no reason given');
  assert.notStrictEqual(
    faults({ seq: 1, type: 'response', request_seq: 1, success: true, command: 'threads', body: { threads: [{ id: 1 }] } }), '');
  assert.ok(said.messages > 100, `only ${said.messages} messages`);
  assert.deepStrictEqual(said.faults, []);
  console.log(`${said.messages} messages from the server, all as the protocol's schema wants them`);
});
