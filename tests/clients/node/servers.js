// Servers of our own for the tests: one, or a cluster of three, with the module, on free ports of loopback.
'use strict';

const { spawn, execFileSync } = require('node:child_process');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { setTimeout: sleep } = require('node:timers/promises');

const ROOT = path.resolve(__dirname, '../../..');
const START_MS = 30_000;

// The module to load: CONV_MODULE, or what cargo built last.
function modulePath() {
  if (process.env.CONV_MODULE) return path.resolve(process.env.CONV_MODULE);
  const built = ['debug', 'release']
    .map((profile) => path.join(ROOT, 'target', profile, 'libconv.so'))
    .filter((file) => fs.existsSync(file))
    .sort((a, b) => fs.statSync(b).mtimeMs - fs.statSync(a).mtimeMs);
  if (!built.length) throw new Error('no libconv.so under target/: run cargo build, or set CONV_MODULE');
  return built[0];
}

// Below 55536, so that a cluster's bus (port + 10000) fits.
async function freePort() {
  for (;;) {
    const listener = net.createServer().listen(0, '127.0.0.1');
    await new Promise((done, failed) => listener.once('listening', done).once('error', failed));
    const { port } = listener.address();
    await new Promise((done) => listener.close(done));
    if (port < 55_536) return port;
  }
}

function cli(port, ...args) {
  return execFileSync('redis-cli', ['-h', '127.0.0.1', '-p', String(port), ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function waitUntil(condition, what) {
  for (const end = Date.now() + START_MS; !condition(); await sleep(20)) {
    if (Date.now() > end) throw new Error(`not within ${START_MS} ms: ${what}`);
  }
}

// Up and ours: another server could answer on the port that ours failed to get.
function answers(port, child) {
  if (child.exitCode !== null) return true;
  try {
    return cli(port, 'info', 'server').includes(`process_id:${child.pid}\r\n`);
  } catch {
    return false;
  }
}

// A redis-server with the module; `stop` ends it and removes its files.
async function start(...options) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'conv-clients-'));
  const log = path.join(dir, 'redis.log');
  // Between choosing a free port and binding it someone else may take it: then another.
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const out = fs.openSync(log, 'w');
    const words = ['--port', port, '--bind', '127.0.0.1', '--dir', dir, '--save', '', '--appendonly', 'no'];
    words.push('--loadmodule', modulePath(), ...options);
    const child = spawn(process.env.REDIS_SERVER || 'redis-server', words.map(String), {
      stdio: ['ignore', out, out],
    });
    fs.closeSync(out);
    const gone = new Promise((done) => child.once('exit', done));
    const stop = async () => {
      child.kill('SIGKILL');
      await gone;
      fs.rmSync(dir, { recursive: true, force: true });
    };
    await waitUntil(() => answers(port, child), 'redis-server answers');
    if (child.exitCode === null) return { port, stop };
    const logged = fs.readFileSync(log, 'utf8');
    if (attempt === 5 || !logged.includes('Address already in use')) {
      fs.rmSync(dir, { recursive: true, force: true });
      throw new Error(`redis-server did not start:\n${logged.slice(-3000)}`);
    }
  }
}

// Three primaries that serve all slots.
async function startCluster() {
  const nodes = [];
  const stop = () => Promise.all(nodes.map((node) => node.stop()));
  try {
    for (let n = 0; n < 3; n += 1) nodes.push(await start('--cluster-enabled', 'yes'));
    const addresses = nodes.map((node) => `127.0.0.1:${node.port}`);
    cli(nodes[0].port, '--cluster', 'create', ...addresses, '--cluster-yes');
    const formed = ({ port }) => {
      const info = cli(port, 'cluster', 'info');
      return info.includes('cluster_state:ok') && info.includes('cluster_known_nodes:3');
    };
    await waitUntil(() => nodes.every(formed), 'the cluster forms');
  } catch (error) {
    await stop();
    throw error;
  }
  return { ports: nodes.map((node) => node.port), stop };
}

module.exports = { start, startCluster };
