// A pair of nodes with the stepper's page beside it. All that it started is ended by pid.
import {execFile, spawn} from 'node:child_process';
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join, resolve} from 'node:path';
import {fileURLToPath} from 'node:url';
import {promisify} from 'node:util';

const here = fileURLToPath(new URL('.', import.meta.url));
const kBin = resolve(here, '../../build/release/bin');
const run = promisify(execFile);

/// Until `holds()` gives something; there is no event to wait for across a command line.
export async function until(what, holds, seconds = 30) {
  const end = Date.now() + seconds * 1000;
  while (Date.now() < end) {
    const found = await holds();
    if (found) return found;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`never: ${what}`);
}

export class Pair {
  static async start() {
    const pair = new Pair();
    pair.directory = mkdtempSync(join(tmpdir(), 'understudy-page-'));
    pair.stepper = join(kBin, 'stepper');
    pair.cluster = join(pair.directory, 'cluster');
    pair.children = new Map();
    const init = run(join(kBin, 'cluster_app'), ['init', pair.cluster, '--user', 'tester', '--password-stdin']);
    init.child.stdin.end('secret\n');
    await init;
    pair.network = `127.${1 + (process.pid >> 8) % 254}.${process.pid & 255}`;
    const config = join(pair.cluster, 'cluster.toml');
    writeFileSync(config, readFileSync(config, 'utf8').replaceAll('127.0.0.', `${pair.network}.`));
    pair.startNode('a');
    pair.startNode('b');
    await until('both mirror', async () => (await pair.status()).nodes.every((node) => node.mirroring && node.owns?.length));
    return pair;
  }

  startNode(node) {
    this.keep(node, spawn(join(kBin, 'cluster_app'), ['-C', this.cluster, 'node', node], {stdio: 'ignore'}));
  }

  /// The address of its page.
  startStepper() {
    const stepper = spawn(this.stepper, ['-C', this.cluster, '--page', '0'], {stdio: ['ignore', 'pipe', 'inherit']});
    this.keep('stepper', stepper);
    return new Promise((done) => stepper.stdout.once('data', (line) => done(String(line).trim())));
  }

  /// A recording of a write that stands at STEP 408 on a, and is stepped to its acknowledgement.
  async record(name) {
    writeFileSync(join(this.directory, 'script'), 'tbreak 408 on a\ncontinue\nstep\nstep\nstep\nstep\n');
    writeFileSync(join(this.directory, 'r'), 'recorded');
    await until('a answers', () => this.smb('a', 'share0', 'ls').then(() => true, () => false));
    const ends = run(this.stepper, ['-C', this.cluster, '--record', join(this.directory, name), '--script', join(this.directory, 'script')]);
    const put = this.smb('a', 'share0', 'put r r');
    await ends;
    await put;
    await until('it is written', async () => (await this.status()).nodes.every((node) => node.operations_unwritten === 0));
  }

  keep(name, child) {
    this.children.set(name, child);
    child.once('exit', () => this.children.get(name) === child && this.children.delete(name));
  }

  async status() {
    const {stdout} = await run(join(kBin, 'cluster_app'), ['-C', this.cluster, 'status', '--json']);
    return JSON.parse(stdout);
  }

  app(...words) {
    return run(join(kBin, 'cluster_app'), ['-C', this.cluster, ...words]);
  }

  smb(node, share, commands) {
    const address = `${this.network}.1${node === 'a' ? 1 : 2}`;
    return run('smbclient', [`//${address}/${share}`, '-p', '4450', '-U', 'tester%secret', '-c', commands],
      {cwd: this.directory});
  }

  async end() {
    this.children.get('stepper')?.kill('SIGTERM');
    await until('the stepper ends', () => !this.children.has('stepper'), 10);
    await this.app('stop').catch(() => {});
    for (const child of this.children.values()) child.kill('SIGKILL');
    rmSync(this.directory, {recursive: true, force: true});
  }
}
