// The package in `clients/node`, as installed from its tarball: every method, with node-redis and ioredis.
'use strict';

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const path = require('node:path');
const { after, before, test } = require('node:test');
const ioredis = require('ioredis');
const { createClient, createCluster } = require('redis');
const { calls, Key } = require(path.join(path.dirname(require.resolve('redis-conv')), 'calls.js'));
const { conv } = require('redis-conv');
const { Conv } = require('redis-conv/ioredis');
const { start, startCluster } = require('./servers');
const { CHAT } = require('./samples');

const MESSAGES = CHAT.map((text) => JSON.parse(text));
const [SYSTEM, QUESTION, , RESULT, ANSWER] = MESSAGES;

let server;
before(async () => {
  server = await start();
});
after(() => server?.stop());

// Each way to call the methods, with an empty server.
const ways = {
  'node-redis RESP2': (use) => withNodeRedis(2, use),
  'node-redis RESP3': (use) => withNodeRedis(3, use),
  ioredis: async (use) => {
    const client = new ioredis.Redis(server.port);
    try {
      await client.flushall();
      await use(new Conv(client));
    } finally {
      client.disconnect();
    }
  },
};

async function withNodeRedis(RESP, use) {
  const client = createClient({ url: `redis://127.0.0.1:${server.port}`, RESP, modules: { conv } });
  await client.connect();
  try {
    await client.flushAll();
    await use(client.conv);
  } finally {
    client.destroy();
  }
}

for (const [name, way] of Object.entries(ways)) {
  test(`messages, ${name}`, () =>
    way(async (c) => {
      assert.deepEqual(await c.recent('k', 3000), []);
      assert.equal(await c.recent('k', 3000, { wait: 1 }), null);
      assert.equal(await c.append('k', MESSAGES, { nx: true }), 5);
      assert.equal(await c.append('k', ANSWER, { ifLast: 4 }), null);
      assert.equal(await c.append('k', JSON.stringify(ANSWER), { tokens: 7, xx: true, unique: true }), 6);
      assert.deepEqual(await c.pop('k'), ANSWER);
      assert.deepEqual(await c.recent('k', 3000), MESSAGES);
      assert.deepEqual(await c.recent('k', 3000, { rev: true, any: true }), [...MESSAGES].reverse());
      assert.deepEqual(await c.recentOfMany(3000, ['k', 'none'], { noSystem: true }), [MESSAGES.slice(1), []]);
      const window = await c.recentWithInfo('k', 30);
      assert.deepEqual([window.messages, window.tokens, window.systemLeftOut], [[SYSTEM, ANSWER], 22, 0]);
      assert.equal(Object.keys(window).length, 15);
      assert.deepEqual(await c.recentOfManyWithInfo(30, ['k']), [window]);
      assert.deepEqual(await c.range('k', 0, 1), [SYSTEM, QUESTION]);
      assert.deepEqual(await c.range('k', 0, 1, { rev: true }), [ANSWER, RESULT]);
      assert.deepEqual(await c.range('none', 0, 1), []);
      assert.deepEqual(await c.index('k', 0, { rev: true }), ANSWER);
      assert.equal(await c.index('k', 9), null);
      assert.deepEqual(await c.get('k', [1, 99]), [SYSTEM, null]);
      const [first, none] = await c.getWithInfo('k', [1, 99]);
      assert.deepEqual([first.seq, first.tokens, first.pinned, first.message, none], [1, 10, 0, SYSTEM, null]);
      assert.deepEqual([await c.len('k'), await c.len('none')], [5, 0]);
      assert.deepEqual(await c.tokens(['hello world', '']), [2, 0]);
      assert.deepEqual(await c.tokens('hello world', { encoding: 'gpt-4' }), [2]);
    }));

  test(`summaries, ${name}`, () =>
    way(async (c) => {
      await c.append('k', MESSAGES);
      assert.deepEqual([await c.summary('k'), await c.summaryWithInfo('k')], [null, null]);
      const claim = await c.claimSummary('k', 1, { keep: 0, lease: 1000 });
      assert.deepEqual({ ...claim }, { upto: 5, summary: null, messages: MESSAGES.slice(1) });
      assert.equal(await c.claimSummary('k', 1), null);
      assert.equal(await c.setSummary('k', 'Lisbon ☀️', { upto: 4 }), true);
      assert.equal(await c.setSummary('k', 'late', { upto: 2, minChange: 1 }), false);
      const described = await c.summaryWithInfo('k');
      assert.deepEqual([described.text, described.upto], ['Lisbon ☀️', 4]);
    }));

  test(`writing, ${name}`, () =>
    way(async (c) => {
      assert.equal(await c.create('k', { encoding: 'cl100k_base', complete: false, ttl: 1000, maxMessages: 100 }), true);
      assert.equal(await c.alter('k', { encoding: 'gpt-4o', maxMessages: 50, complete: true }), true);
      await c.append('k', MESSAGES);
      const info = await c.info('k');
      assert.deepEqual([info.messages, info.encoding, info.maxMessages, info.summaryUpto], [5, 'o200k_base', 50, null]);
      assert.equal(await c.info('none'), null);
      assert.equal(await c.backfill('k', SYSTEM, { complete: true }), 1);
      assert.equal(await c.edit('k', 5, QUESTION), true);
      assert.equal(await c.delete('k', [0, 99]), 1);
      assert.deepEqual(await c.popMany('k', 2), [QUESTION, RESULT]);
      assert.deepEqual([await c.pop('none'), await c.popMany('none', 2)], [null, []]);
      assert.deepEqual([await c.pin('k', [1, 2]), await c.unpin('k', 1)], [2, 1]);
      assert.equal(await c.fork('k', 'k2', { upto: 2, replace: true }), true);
      assert.equal(await c.fork('none', 'k2'), false);
      assert.equal(await c.trim('k2', { before: 2 }), 2);
      await assert.rejects(async () => c.trim('k2', { newest: 1 }), /unknown option 'newest'/);
      await assert.rejects(c.edit('k', 99, ANSWER), /no such message/);
      await assert.rejects(c.append('k', [ANSWER, '[]']), /BADMSG message 2/);
    }));

  test(`sessions, search, encodings, ${name}`, () =>
    way(async (c) => {
      const document = { 'user-name': 'Ana ☀️', messages: MESSAGES, state: { a: [1] } };
      assert.equal(await c.importDocument('k', document, { ex: 100 }), 5);
      assert.equal(await c.importDocument('k', document, { replace: true, history: 'messages', keepttl: true }), 5);
      assert.deepEqual(await c.exportDocument('k'), document);
      assert.equal(await c.exportDocument('none'), null);
      assert.deepEqual([await c.getState('none'), await c.getState('k')], [{}, { 'user-name': 'Ana ☀️', state: { a: [1] } }]);
      assert.equal(await c.setState('k', { 'user-name': 'Eva', n: null }), 1);
      assert.deepEqual(await c.getStateFields('k', ['user-name', 'n', 'none']), ['Eva', null, null]);
      assert.equal(await c.deleteState('k', ['n', 'none']), 1);
      const [hit, ...more] = await c.search('k', 'lisbon', { role: 'user', limit: 1 });
      assert.deepEqual([hit.seq, hit.role, hit.message, more], [2, 'user', QUESTION, []]);
      assert.deepEqual(await c.search('k', 'LISBON', { case: true, after: 1, before: 9, since: 0 }), []);
      if (!(await commands()).includes('CONV.ENCODINGS')) return;
      const encodings = Object.fromEntries((await c.encodings()).map((encoding) => [encoding.name, encoding]));
      assert.equal(encodings.o200k_base.state, 'ready');
    }));
}

test('transactions of node-redis', async () => {
  const client = createClient({ url: `redis://127.0.0.1:${server.port}`, modules: { conv } });
  await client.connect();
  await client.flushAll();
  const replies = await client.multi().conv.append('t', MESSAGES).conv.recent('t', 30).exec();
  assert.deepEqual(replies, [5, [SYSTEM, ANSWER]]);
  client.destroy();
});

test('a key prefix of ioredis', async () => {
  const client = new ioredis.Redis(server.port, { keyPrefix: 'app:' });
  const c = new Conv(client);
  await c.append('k', MESSAGES);
  await c.fork('k', 'k2');
  assert.equal(await client.type('k2'), 'conv-list');
  assert.deepEqual(await c.recentOfMany(30, ['k', 'k2']), [[SYSTEM, ANSWER], [SYSTEM, ANSWER]]);
  client.disconnect();
});

// Every command goes to the node that has the key.
test('cluster', async () => {
  const { ports, stop } = await startCluster();
  const node = new ioredis.Cluster(ports.map((port) => ({ host: '127.0.0.1', port })));
  const redis = createCluster({ rootNodes: ports.map((port) => ({ url: `redis://127.0.0.1:${port}` })), modules: { conv } });
  try {
    await redis.connect();
    for (const [name, c] of [['ioredis', new Conv(node)], ['node-redis', redis.conv]]) {
      for (let n = 0; n < 60; n += 1) {
        assert.equal(await c.append(`${name}:${n}`, MESSAGES), 5);
        assert.deepEqual(await c.recent(`${name}:${n}`, 30), [SYSTEM, ANSWER]);
        assert.deepEqual(await c.recentOfMany(30, [`{${name}:${n}}`, `{${name}:${n}}:2`]), [[], []]);
      }
      assert.deepEqual(await c.tokens('hello world'), [2]);
    }
    for (const port of ports) {
      const stats = execFileSync('redis-cli', ['-p', String(port), 'info', 'errorstats'], { encoding: 'utf8' });
      assert.doesNotMatch(stats, /MOVED/);
    }
  } finally {
    node.disconnect();
    redis.destroy();
    await stop();
  }
});

// Replays the AOF; clients do not send it.
const INTERNAL = ['CONV.EFFECT'];
// The package asks for JSON, and parses it.
const UNUSED = ['LIST', 'MSGPACK'];
// Arguments and all options of each method. What takes one of several words is called with each.
const RECENT = { messages: 1, start: 'USER', oversize: 'CUT', step: 1, clear: 1, above: 1, noSystem: true, noSummary: true };
const RECENT2 = { oversize: 'KEEP', noPins: true, rev: true, any: true, wait: 1 };
const RECENT3 = { oversize: 'EMPTY' };
const ATTRIBUTES = { encoding: 'x', overhead: 1, scale: 1, maxMessages: 1, maxTokens: 1, ttl: 1, complete: true };
const IMPORT = { history: 'a', replace: true, ex: 1, px: 1, exat: 1, pxat: 1, keepttl: true };
const SEARCH = { regex: true, case: true, after: 1, before: 1, since: 1, until: 1, limit: 1 };
const ALL = {
  append: [['k', '{}', { nx: true, xx: true, unique: true, ifLast: 1, tokens: 1 }]],
  recent: [['k', 1, RECENT], ['k', 1, RECENT2], ['k', 1, RECENT3]],
  recentOfMany: [[1, ['k'], RECENT], [1, ['k'], RECENT2], [1, ['k'], RECENT3]],
  setSummary: [['k', 't', { upto: 1, minChange: 1 }]],
  claimSummary: [['k', 1, { keep: 1, lease: 1 }]],
  range: [['k', 0, 1, { rev: true }]],
  index: [['k', 0, { rev: true }]],
  tokens: [['t', { encoding: 'x' }]],
  search: ['system', 'user', 'assistant', 'tool'].map((role) => ['k', 't', { ...SEARCH, role }]),
  create: [['k', ATTRIBUTES], ['k', { complete: false }]],
  alter: [['k', ATTRIBUTES], ['k', { complete: false }]],
  backfill: [['k', '{}', { complete: true }]],
  trim: [['k', { maxMessages: 1, maxTokens: 1, before: 1 }]],
  fork: [['k', 'k2', { upto: 1, replace: true }]],
  importDocument: [['k', '[]', IMPORT]],
};

function documented(args) {
  return args.flatMap((arg) => [...(arg.token ? [arg.token] : []), ...documented(arg.arguments ?? [])]);
}

async function commands() {
  const client = new ioredis.Redis(server.port);
  const names = await client.call('COMMAND', 'LIST', 'FILTERBY', 'MODULE', 'conv');
  client.disconnect();
  return names.map((name) => name.toUpperCase());
}

test('every command and option of the server', async () => {
  const sent = {};
  for (const [name, build] of Object.entries(calls)) {
    for (const given of ALL[name] ?? [['k', [], []]]) {
      const { name: command, args } = build(...given);
      sent[command] = (sent[command] ?? new Set()).add(command);
      for (const arg of args) if (!(arg instanceof Key)) sent[command].add(String(arg).toUpperCase());
    }
  }
  const client = createClient({ url: `redis://127.0.0.1:${server.port}`, RESP: 3 });
  await client.connect();
  try {
    for (const name of (await commands()).filter((n) => !INTERNAL.includes(n))) {
      assert.ok(sent[name], `${name} is missing`);
      const [docs] = Object.values(await client.sendCommand(['COMMAND', 'DOCS', name]));
      const missing = documented(docs.arguments ?? []).filter((word) => !sent[name].has(word.toUpperCase()) && !UNUSED.includes(word));
      assert.deepEqual(missing, [], `${name}: the package cannot send these`);
    }
  } finally {
    client.destroy();
  }
});
