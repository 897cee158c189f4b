// A recording as a page in a file: it is opened as one, without a server, stepped through by keyboard, and compared with
// what stands in the recording.
import assert from 'node:assert/strict';
import {execFile} from 'node:child_process';
import {readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {pathToFileURL} from 'node:url';
import {promisify} from 'node:util';

const run = promisify(execFile);
const kHostile = '</script><script>document.title="ran"</script><img src=x onerror="document.title=1">\u2028';
const kHeartbeat = {major: 'cluster', minor: 0, step: 302};

/// The address of the page of a recording.
export async function exported(stepper, recording) {
  await run(stepper, ['--open', recording, '--export', 'page', `${recording}.html`]);
  return pathToFileURL(`${recording}.html`).href;
}

/// At which points the pair stood, as the stepper says.
export async function stopsOf(stepper, recording) {
  const asked = run(stepper, ['--json', '--open', recording]);
  asked.child.stdin.end('stops\n');
  return JSON.parse((await asked).stdout).stops.map(({number}) => number);
}

/// A write up to its acknowledgement, its names those of one who wants to run something, and the stores as they were read at
/// STEP 408, when it was in a's cache alone, and at STEP 412, when it was in both. `before`: so many
/// heartbeats; `rule`: what broke at the end.
export function madeByHand(directory, {before = 0, rule = ''} = {}) {
  const sequences = {};
  const lines = [{recording: 'understudy', version: 1, nodes: ['a', 'b'], started_ns: 1000, by: kHostile}];
  let time_ns = 0;
  const add = (place, what) => {
    const [node, layer] = place.split('.');
    sequences[place] = (sequences[place] ?? 0) + 1;
    lines.push({point: {node, layer, time_ns: time_ns += 1000, sequence: sequences[place], irp: 0, ...what}});
    return {node, layer, sequence: sequences[place]};
  };
  const write = (place, lsn, what) => add(place, {irp: place.startsWith('a.') ? 7 : 0, lsn, epoch: lsn ? 2 : 0, major: 'write',
    minor: 0, name: kHostile, ...what});
  const message = (place, hop, neighbour) => add(place, {lsn: 5, epoch: 2, major: 'mirror', minor: 5, hop, neighbour});
  const stand = (why, at, mirror) => {
    const operation = {lsn: 5, epoch: 2, what: `create '${kHostile}'`, cache: ['a'], mirror, medium: false, acknowledged: mirror.length > 0};
    const record = {lun: 0, epoch: 2, lsn: 5, what: operation.what};
    lines.push({stop: {why, at}}, {snapshot: {
      layers: [{place: `${at.node}.${at.layer}`, pid: 4711, does: `parked: STEP ${mirror.length ? 412 : 408}`}],
      cache: {a: [record], b: []}, mirror: {a: [], b: mirror.length ? [record] : []},
      ledger: {luns: [{lun: 0, owner: 'a', epoch: 2, last: 5, durable: 4, operations: [operation]}]}}});
  };
  for (let i = 0; i < before; ++i) add('b.cluster_app', kHeartbeat);
  write('a.netstack', 0, {hop: 'request_out', neighbour: 'ff_driver'});
  write('a.ff_driver', 0, {hop: 'request_in', neighbour: 'netstack'});
  write('a.ff_driver', 0, {step: 400});
  add('b.cluster_app', kHeartbeat);
  stand('breakpoint', write('a.ff_driver', 5, {step: 408}), []);
  write('a.ff_driver', 5, {hop: 'request_out', neighbour: 'rd_driver'});
  write('a.rd_driver', 5, {hop: 'request_in', neighbour: 'ff_driver'});
  message('a.rd_driver', 'message_out', 'mirror_server');
  message('b.mirror_server', 'message_in', 'rd_driver');
  write('b.mirror_server', 5, {step: 408});
  write('a.ff_driver', 5, {step: 410});
  stand('pause', write('a.ff_driver', 5, {step: 412}), ['b']);
  write('a.ff_driver', 5, {hop: 'completion_out', neighbour: 'netstack'});
  const last = write('a.netstack', 5, {hop: 'completion_in', neighbour: 'ff_driver'});
  if (rule) lines.push({stop: {why: 'pause', at: last}}, {stop: {why: 'rule', text: rule, at: last}}, {stop: {why: 'rule', text: 'more', at: last}});
  const file = join(directory, `by-hand-${before}-${rule.length}`);
  writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  return file;
}

/// What is asked of an opened page.
function of(page) {
  const text = (selector) => page.textContent(selector);
  const press = async (name, key = 'Enter') => {
    await page.focus(`#${name}`);
    await page.keyboard.press(key);
  };
  const stores = async () => [...await page.locator('#lost dd').allTextContents(), ...await page.locator('.store .count').allTextContents()];
  const at = async () => Number((await text('#state')).match(/^Point (\d+)/)[1]);
  return {text, press, stores, at};
}

/// By Tab alone, to each button; by keys through the points, the time line, FIG. 4.
export async function checkByHand({page, address, accessible, tabTo}) {
  const {text, press, stores, at} = of(page);
  await page.goto(address);
  await page.waitForSelector('#state[data-state=stands]');
  assert.match(await text('#state'), /^Point 1 of 14: “asks ff_driver” on a\.netstack/);
  assert.deepEqual(await stores(), ['not known', 'not known', '', '', '', ''], 'nothing was read yet');
  assert.match(await text('#then'), /had not been read before this point/);
  for (const id of ['kill', 'fail', 'console', 'pause', 'now', 'reply']) assert.equal(await page.locator(`#${id}`).count(), 0, id);
  assert.equal(await page.title(), 'Understudy: recording', 'nothing of the recording runs');
  assert.equal(await page.locator('script').count(), 2);
  assert.equal(await page.locator('img').count(), 0);
  await accessible();

  await tabTo('#step');
  for (const step of ['400', '408', '408', '410', '412']) {
    await page.keyboard.press('Enter');
    assert.match(await text('#state'), new RegExp(`STEP ${step} on`));
  }
  assert.match(await text('#answered'), /^Point 12: a\.ff_driver STEP 412/, 'screen readers hear of it');
  assert.ok((await text('#state')).includes(kHostile), 'its name is shown as it is');
  assert.ok(await page.$eval('[data-step="412"]', (box) => box.classList.contains('here')));
  assert.ok(await page.$eval('[data-place="a.ff_driver"]', (box) => box.classList.contains('here')));
  assert.match(await text('[data-step="408"] .count'), /a 1.*b 1/);
  assert.deepEqual(await stores(), ['nothing', 'nothing', '1', '0', '0', '1']);
  assert.match(await text('#then'), /as of point 12/);
  assert.match(await text('#luns'), /LUN 0: owner a, epoch 2, operations up to 5, on the medium up to 4\./);
  assert.equal(await text('.store li'), `0/5 create '${kHostile}' ✓`);
  assert.match(await text('#following'), /LUN 0, LSN 5/);
  assert.equal(await page.locator('.link.trail').count(), 3, 'netstack, ff_driver, rd_driver, the partner');
  await accessible();

  await tabTo('#step-back');
  await page.keyboard.press('Enter');
  assert.match(await text('#state'), /^Point 11 of 14: STEP 410/);
  assert.deepEqual(await stores(), ['nothing', 'nothing', '1', '0', '0', '0']);
  assert.match(await text('#then'), /as of point 5/);
  assert.equal(await text('[data-step="412"] .count'), '', 'it was not passed yet');
  await tabTo('#point-back');
  await page.keyboard.press('Space');
  assert.equal(await at(), 10);

  await press('cursor', 'Home');
  assert.equal(await at(), 1);
  assert.equal(await page.getAttribute('#step-back', 'aria-disabled'), 'true');
  const goes = [];
  for (const name of ['into', 'into', 'into', 'out', 'continue', 'continue', 'continue']) {
    await press(name);
    goes.push(await at());
  }
  assert.deepEqual(goes, [2, 7, 9, 11, 12, 14, 14]);
  assert.match(await text('#state'), /The recording ends here/);
  await press('cursor', 'ArrowLeft');
  assert.equal(await at(), 13);
  assert.match(await page.getAttribute('#cursor', 'aria-valuetext'), /^13: a\.ff_driver/);
  await press('points', 'ArrowUp');
  assert.match(await text('#state'), /^Point 12 [^]* It stood here: pause$/);
  await page.keyboard.press('Home');
  await tabTo('#fig4 [role=button]');
  await page.keyboard.press('Enter');
  assert.equal(await page.getAttribute('[data-step="400"]', 'aria-pressed'), 'true');
  await press('continue');
  assert.match(await text('#state'), /^Point 3 [^]* Breakpoint 1$/);

  await page.setViewportSize({width: 420, height: 900});
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing is cut off on a small screen');
}

/// It opens where a rule broke, with the first of what broke there, and the way of its operation.
export async function checkRule({page, address, rule}) {
  const {text, press, at} = of(page);
  await page.goto(address);
  await page.waitForSelector('#state[data-state=stands]');
  assert.equal(await at(), 14);
  assert.ok((await text('#state')).endsWith(`. ${rule}`));
  assert.match(await text('#following'), /LUN 0, LSN 5/);
  await press('step-back');
  assert.equal(await at(), 12);
  await press('step');
  assert.equal(await at(), 14);
}

/// More points than a page takes: the first are left out, which it says, and counted.
export async function checkLong({page, address, points}) {
  const {text, press, at} = of(page);
  await page.goto(address);
  await page.waitForSelector('#state[data-state=stands]');
  assert.equal(await at(), points - 20_000 + 1);
  assert.match(await text('#recorded'), new RegExp(`${points} points.* ${points - 20_000} points at its beginning are left out`));
  await press('cursor', 'End');
  assert.equal(await at(), points);
  assert.match(await text('[data-step="302"] .count'), new RegExp(`b ${Math.floor((points - 13) / 1000)}k`));
  const start = Date.now();
  await press('step-back');
  assert.match(await text('#state'), /STEP 412/);
  assert.ok(Date.now() - start < 2000, 'it answers');
  assert.ok(readFileSync(new URL(address)).length < 10_000_000);
}

/// One of a real pair that stood at STEP 408 on a, and was stepped to 412: the page steps through the same points.
export async function checkReal({page, address, stops, picture}) {
  const {text, press, stores, at} = of(page);
  await page.goto(address);
  await page.waitForSelector('#state[data-state=stands]');
  await press('continue');
  assert.match(await text('#state'), /STEP 408 on a\.ff_driver.*It stood here: breakpoint/);
  assert.deepEqual(await stores(), ['nothing', 'nothing', '1', '0', '0', '0'], 'in a cache alone');
  const numbers = [await at()];
  for (let i = 1; i < stops.length; ++i) {
    await press('step');
    numbers.push(await at());
  }
  assert.deepEqual(numbers, stops);
  assert.match(await text('#state'), /STEP 412 on a\.ff_driver/);
  assert.deepEqual(await stores(), ['nothing', 'nothing', '1', '0', '0', '1']);
  await picture();
  for (let i = 1; i < stops.length; ++i) await press('step-back');
  assert.equal(await at(), stops[0]);
}
