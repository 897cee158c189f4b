// tools/page-check: pause, step, kill and recovery through the stepper's page, by mouse and keyboard. What is shown is
// compared with what the stepper and the cluster say; any error in the console and any request that does not go to
// the stepper fails. Recordings as pages in files too, which ask for nothing at all.
import assert from 'node:assert/strict';
import {readFileSync, writeFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {chromium} from 'playwright-core';
import {Pair, until} from './pair.js';
import {checkByHand, checkLong, checkReal, checkRule, exported, madeByHand, stopsOf} from './recorded.js';

const kImages = fileURLToPath(new URL('../../docs/images', import.meta.url));
const pictures = process.argv.includes('--pictures');
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const faults = [];

const pair = await Pair.start();
await pair.record('recorded').catch(async (error) => {
  await pair.end();
  throw error;
});
const address = new URL(await pair.startStepper());
const token = address.hash.replace('#token=', '');
const browser = await chromium.launch({executablePath: '/usr/bin/chromium', args: process.getuid() === 0 ? ['--no-sandbox'] : []});
const page = await browser.newPage({viewport: {width: 1600, height: 1000}, deviceScaleFactor: 0.8});
page.setDefaultTimeout(20_000);
page.on('console', (message) => message.type() === 'error' && faults.push(`console: ${message.text()}`));
page.on('pageerror', (error) => faults.push(`error: ${error.message}`));
page.on('request', (request) => new URL(request.url()).origin !== address.origin && faults.push(`request: ${request.url()}`));

/// What the stepper itself says, past the page.
async function ask(command) {
  const response = await fetch(new URL('/command', address), {
    method: 'POST', headers: {'Stepper-Token': token}, body: JSON.stringify({command})});
  return (await response.json()).data;
}
const text = (selector) => page.textContent(selector);
const shows = (selector, wanted) => until(`${selector} shows ${wanted}`, async () => (await text(selector)).includes(wanted), 20);
const stands = () => page.waitForSelector('#state[data-state=stands]');
const runs = () => page.waitForSelector('#state[data-state=runs]');
const settled = () => until('nothing moves', async () => await page.locator('.flight').count() === 0);
const press = async (name) => {
  await page.focus(`#${name}`);
  await page.keyboard.press('Enter');
};
const has = (selector, name) => page.$eval(selector, (element, of) => element.classList.contains(of), name);

async function picture(name, of = page) {
  if (!pictures) return;
  for (const colorScheme of ['light', 'dark']) {
    await of.emulateMedia({colorScheme});
    writeFileSync(join(kImages, `${name}-${colorScheme}.png`), await of.screenshot({animations: 'disabled'}));
  }
  await of.emulateMedia({colorScheme: null});
}

/// Contrast, names, roles, order: in both colour schemes.
async function accessible(of = page) {
  for (const colorScheme of ['light', 'dark']) {
    await of.emulateMedia({colorScheme, reducedMotion: 'reduce'});
    await of.evaluate(axe);
    const {violations} = await of.evaluate(() => axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'best-practice']}));
    for (const {id, nodes} of violations) faults.push(`axe, ${colorScheme}: ${id}: ${nodes.map((node) => `${node.html.slice(0, 160)} ${node.any.map((each) => each.message)}`).join('\n    ')}`);
    for (const each of await of.evaluate(faintTexts)) faults.push(`contrast, ${colorScheme}: ${each}`);
  }
  await of.emulateMedia({colorScheme: null, reducedMotion: null});
}

/// axe does not see what an SVG's text stands on: in a box, the box; elsewhere the panel, or a frame.
function faintTexts() {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
  const lightness = (color) => {
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((each) => each / 255)
      .map((each) => each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (one, two) => {
    const [low, high] = [lightness(one), lightness(two)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  };
  const panel = getComputedStyle(document.querySelector('section')).backgroundColor;
  const frame = getComputedStyle(document.querySelector('.frame')).fill;
  const faint = [];
  for (const text of document.querySelectorAll('svg text, svg tspan')) {
    const box = text.closest('.layer, .box')?.querySelector('.outline');
    const grounds = box ? [getComputedStyle(box).fill] : text.closest('#figure') ? [panel, frame] : [panel];
    if (!text.textContent || getComputedStyle(text).display === 'none') continue;
    for (const ground of grounds) {
      const found = contrast(getComputedStyle(text).fill, ground);
      if (found < 4.5) faint.push(`${text.textContent}: ${found.toFixed(2)}`);
    }
  }
  return faint;
}

/// The page against the stepper: layers, stores, ledger, where everything stands.
async function agrees() {
  const [where, {layers}, {ledger}, {mirror}] = [await ask('where'), await ask('layers'), await ask('ledger'), await ask('mirror')];
  for (const {place, does} of layers) {
    const shown = await text(`[data-place="${place}"] .does`);
    const wanted = does.startsWith('parked') ? 'at ' : does.startsWith('idle') ? 'idle, held' : does;
    assert.ok(shown.startsWith(wanted), `${place}: ${shown}, not ${does}`);
  }
  for (const [i, node] of ['a', 'b'].entries()) {
    const cached = ledger.luns.flatMap(({operations}) => operations).filter(({cache}) => cache.includes(node));
    const stores = page.locator('.store');
    assert.equal(await stores.nth(2 * i).locator('.count').textContent(), String(cached.length), `cache of ${node}`);
    assert.equal(await stores.nth(2 * i + 1).locator('.count').textContent(), String(mirror[node].length), `mirror store of ${node}`);
    const lsns = await stores.nth(2 * i + 1).locator('li b').allTextContents();
    assert.deepEqual(lsns.sort(), mirror[node].map(({lun, lsn}) => `${lun}/${lsn}`).sort());
    const lost = ledger.lost_with[node].length;
    assert.ok((await page.locator('#lost dd').nth(i).textContent()).startsWith(lost ? `${lost} acknowledged` : 'nothing'));
  }
  for (const {lun, owner} of ledger.luns) assert.ok((await text('#luns')).includes(`LUN ${lun}: owner ${owner},`));
  if (!where.at) return where;
  assert.ok((await text('#state')).includes(`${where.at.node}.${where.at.layer}`));
  assert.ok(await has(`[data-place="${where.at.node}.${where.at.layer}"]`, 'here'));
  if (where.at.step) assert.ok(await has(`[data-step="${where.at.step}"]`, 'here'), `STEP ${where.at.step} is lit`);
  return where;
}

/// Presses a key until the focus is there.
async function tabTo(selector, of = page) {
  for (let i = 0; i < 60; ++i) {
    if (await of.evaluate((wanted) => document.activeElement.matches(wanted), selector)) return;
    await of.keyboard.press('Tab');
  }
  assert.fail(`Tab never reaches ${selector}`);
}

async function part(name, work) {
  const start = Date.now();
  await work();
  console.log(`ok  ${name} (${((Date.now() - start) / 1000).toFixed(1)} s)`);
}

let failure = null;
try {
  writeFileSync(join(pair.directory, 'f'), 'content');
  await page.goto(address.href);
  await runs();

  await part('it runs, and says of each node what the node says of itself', async () => {
    for (const node of (await pair.status()).nodes)
      await shows('#figure svg', `${node.state}, owns ${node.owns.join(', ')}, mirrored`);
    await accessible();
  });

  await part('pause and continue, by keyboard alone', async () => {
    await tabTo('#pause');
    await page.keyboard.press('Enter');
    await stands();
    assert.equal((await ask('where')).stopped, 'pause');
    await until('everything is held', async () => (await ask('layers')).layers.every(({does}) => does !== 'runs'));
    await until('and shown so', () => page.$$eval('.layer', (all) => all.every((each) => each.classList.contains('held'))));
    assert.match(await text('#stopped'), /Stands/, 'screen readers hear of it');
    await tabTo('#continue');
    await page.keyboard.press('Space');
    await runs();
    assert.equal((await ask('where')).stopped, null);
  });

  let put = null;
  await part('a breakpoint on STEP 408, set by arrow keys in FIG. 4', async () => {
    await tabTo('#fig4 [role=button]');
    for (let i = 0; i < 4; ++i) await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.waitForSelector('[data-step="408"][aria-pressed=true]');
    assert.deepEqual((await ask('breakpoints')).breakpoints.map((each) => each.text), ['408']);
    put = pair.smb('a', 'share0', 'put f f');
    put.catch(() => {});
    await stands();
    assert.match(await text('#stopped'), /STEP 408 on a\.ff_driver/);
    await until('it is in a cache alone', async () => await page.locator('.store .count').first().textContent() === '1');
    const {at} = await agreesSoon();
    assert.equal(at.step, 408);
    assert.equal(await page.locator('.store .count').nth(3).textContent(), '0', 'no copy yet');
    await page.keyboard.press('Enter');
    await page.waitForSelector('[data-step="408"][aria-pressed=false]');
    assert.deepEqual((await ask('breakpoints')).breakpoints, []);
  });

  await part('into the partner, and step by step to the acknowledgement', async () => {
    const goes = async (how) => {
      const before = await text('#state');
      await press(how);
      await until(`${how} ends`, async () => {
        const now = await text('#state');
        return now !== before && now.startsWith('Stands');
      });
      await until('it is now', () => page.$eval('#then', (then) => then.hidden));
      return agreesSoon();
    };
    assert.equal((await goes('into')).at.layer, 'rd_driver');
    assert.equal((await goes('into')).at.node, 'b');
    assert.equal((await goes('step')).at.step, 408);
    assert.equal(await page.locator('.store .count').nth(3).textContent(), '1', 'the copy is there');
    await settled();
    await picture('page-step-408');
    assert.equal((await goes('out')).at.node, 'a');
    assert.equal((await goes('step')).at.step, 410);
    assert.equal((await goes('step')).at.step, 412);
    assert.ok((await page.locator('.store').first().locator('li').first().textContent()).includes('✓'), 'acknowledged');
    await accessible();
  });

  await part('a look back changes what is shown, and nothing else', async () => {
    const before = await ask('where');
    await page.focus('#cursor');
    for (let i = 0; i < 12; ++i) await page.keyboard.press('ArrowLeft');
    await shows('#at', 'points ago');
    assert.match(await text('#then'), /Looking back/);
    assert.equal(await page.locator('.layer.then').count(), 1);
    await page.focus('#points');
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('Enter');
    await shows('#following', 'Follows');
    assert.equal(await page.locator('#points [aria-selected=true]').count(), 1);
    await page.keyboard.press('Escape');
    await shows('#at', 'now');
    assert.deepEqual(await ask('where'), before);
    await agreesSoon();
  });

  await part('it goes on, the client has its answer, and the medium has everything', async () => {
    await press('continue');
    await runs();
    await put;
    await until('all is written', async () => (await pair.status()).nodes.every((node) => node.operations_unwritten === 0));
    await until('and shown so', async () => (await page.locator('.store .count').allTextContents()).every((count) => count === '0'));
    for (const step of [400, 402, 406, 408, 410, 412, 414, 416, 418, 420])
      assert.match(await text(`[data-step="${step}"] .count`), /a \d/, `STEP ${step} was counted`);
  });

  await part('a layer says what it does, and can be chosen by keyboard', async () => {
    await tabTo('#figure [role=button]');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await shows('#about-title', 'a.ff_driver');
    const {layers} = await ask('layers');
    await shows('#facts', String(layers.find(({place}) => place === 'a.ff_driver').pid));
  });

  await part('node a is killed, b takes over: FIG. 3 lights up', async () => {
    const still = pair.smb('a', 'share0', 'put f before');
    await still;
    await page.selectOption('#victim', 'a');
    await page.focus('#kill button');
    await page.keyboard.press('Enter');
    await until('b has both', async () => (await pair.status()).nodes[1].owns?.length === 2);
    await shows('#luns', 'LUN 0: owner b');
    await shows('#figure svg', 'up, owns lun0, lun1, degraded');
    for (const step of [304, 310, 312, 314, 316, 318]) await shows(`[data-step="${step}"] .count`, 'b ');
    assert.equal(await page.locator('.layer.a.dead').count(), 6);
    assert.ok(await page.evaluate(() => document.querySelectorAll('.link.owned').length) === 2);
    await agreesSoon();
    await picture('page-takeover');
    await accessible();
    await until('the client finds its file', () => pair.smb('a', 'share0', 'get before back').then(() => true, () => false));
    assert.equal(readFileSync(join(pair.directory, 'back'), 'utf8'), 'content');
  });

  await part('a comes back, and has its LUN again', async () => {
    pair.startNode('a');
    await until('b mirrors again', async () => (await pair.status()).nodes[1].mirroring);
    for (const step of [330, 332, 334]) await shows(`[data-step="${step}"] .count`, 'b ');
    await pair.app('giveback', 'a');
    await shows('#luns', 'LUN 0: owner a');
    await shows('[data-step="336"] .count', ' ');
    await shows('#figure svg', 'up, owns lun0, mirrored');
    assert.equal(await page.locator('.layer.dead').count(), 0);
    await agreesSoon();
  });

  await part('the storage of b fails, a takes over', async () => {
    await page.selectOption('#refuser', 'b');
    await page.click('#fail button');
    await shows('#reply', 'fail b.fs_cache');
    assert.ok(!await has('#reply', 'refused'), await text('#reply'));
    await pair.smb('b', 'share1', 'put f f');
    await until('a has both', async () => (await pair.status()).nodes[0].owns?.length === 2);
    await shows('#luns', 'LUN 1: owner a');
  });

  await part('without motion, nothing moves', async () => {
    await page.emulateMedia({reducedMotion: 'reduce'});
    await settled();
    await pair.smb('a', 'share0', 'put f still');
    await page.waitForSelector('.link.busy', {state: 'attached'});
    assert.equal(await page.locator('.flight').count(), 0);
    await page.emulateMedia({reducedMotion: null});
  });

  const open = async (recording, check, options = {}) => {
    const file = await browser.newPage({viewport: {width: 1600, height: 1000}, deviceScaleFactor: 0.8});
    const address = await exported(pair.stepper, recording);
    const fault = (text) => faults.push(`${recording}: ${text}`);
    file.on('console', (message) => ['error', 'warning'].includes(message.type()) && fault(message.text()));
    file.on('pageerror', (error) => fault(error.message));
    file.on('request', (request) => request.url() !== address && !request.url().startsWith('data:') && fault(request.url()));
    const drawn = async () => {
      await until('nothing moves', async () => await file.locator('.flight').count() === 0);
      await picture('page-recording', file);
    };
    await check({page: file, address, picture: drawn, accessible: () => accessible(file), tabTo: (selector) => tabTo(selector, file), ...options});
    await file.close();
  };
  await part('a recording opens as a file, without a server: STEP 412 and back, by keyboard alone', () =>
    open(madeByHand(pair.directory), checkByHand));
  const rule = 'BROKEN rule 1: </b>';
  await part('a recording of a rule that broke', () => open(madeByHand(pair.directory, {rule}), checkRule, {rule}));
  await part('a long recording', () => open(madeByHand(pair.directory, {before: 25_000}), checkLong, {points: 25_014}));
  await part('a recording of the pair itself, step by step as it was', async () => {
    const recording = join(pair.directory, 'recorded');
    await open(recording, checkReal, {stops: await stopsOf(pair.stepper, recording)});
  });

  await part('the stepper ends, the page says so', async () => {
    pair.children.get('stepper').kill('SIGTERM');
    await page.waitForSelector('#state[data-state=away]');
  });
} catch (error) {
  failure = error;
  await page.screenshot({path: join(pair.directory, '..', 'page-check-failed.png'), fullPage: true}).catch(() => {});
}
// What the page was denied after its server had gone is no fault.
const real = faults.filter((each) => !each.includes('net::ERR_'));
await browser.close();
await pair.end();
if (failure) console.error(failure);
for (const each of real) console.error(each);
console.log(failure || real.length ? 'FAILED' : 'All of it holds.');
process.exit(failure || real.length ? 1 : 0);

/// The page is told a little later than whoever asks.
async function agreesSoon() {
  let last = null;
  return until('the page agrees', () => agrees().catch((error) => void (last = error)), 10).catch(() => { throw last; });
}
