// ioredis: single calls, pipelines, transactions, commands of its own, a key prefix, and a cluster.
'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');
const Redis = require('ioredis');
const { start, startCluster } = require('./servers');
const { CHAT, WINDOW, toObject } = require('./samples');

let server;
before(async () => {
  server = await start();
});
after(() => server?.stop());

async function connected(options, use) {
  const client = new Redis({ host: '127.0.0.1', port: server.port, ...options });
  try {
    await client.flushall();
    await use(client);
  } finally {
    client.disconnect();
  }
}

test('calls', () =>
  connected({}, async (client) => {
    assert.equal(await client.call('CONV.APPEND', 'k', ...CHAT), 5);
    assert.deepEqual(await client.call('CONV.RECENT', 'k', 3000), CHAT);
    const json = await client.call('CONV.RECENT', 'k', 3000, 'FORMAT', 'JSON');
    assert.deepEqual(JSON.parse(json), CHAT.map((message) => JSON.parse(message)));
    assert.deepEqual(toObject(await client.call('CONV.RECENT', 'k', 30, 'WITHINFO')), WINDOW);
    assert.deepEqual(await client.call('CONV.RECENT', 'missing', 30), []);
    assert.deepEqual(await client.call('CONV.GET', 'k', 4, 99), [CHAT[3], null]);
    assert.equal(await client.call('CONV.ALTER', 'k', 'TTL', 100), 'OK');
    const packed = await client.callBuffer('CONV.RECENT', 'k', 30, 'FORMAT', 'MSGPACK');
    assert.equal(packed[0], 0x92, 'an array of two');
    await assert.rejects(client.call('CONV.APPEND', 'k', CHAT[1], '[]'), /BADMSG message 2: expected a JSON object/);
    await assert.rejects(client.lrange('k', 0, -1), /WRONGTYPE/);
    assert.equal(await client.type('k'), 'conv-list');
    assert.deepEqual(await client.call('CONV.POP', 'k', 2), [CHAT[4], CHAT[3]]);
  }));

test('pipelines and transactions', () =>
  connected({ enableAutoPipelining: true }, async (client) => {
    const pipeline = client.pipeline();
    for (let n = 0; n < 1000; n += 1) pipeline.call('CONV.APPEND', `k${n % 10}`, CHAT[1]);
    const appended = await pipeline.exec();
    assert.deepEqual(appended, Array.from({ length: 1000 }, (_, n) => [null, Math.floor(n / 10) + 1]));
    const replies = await client.multi().call('CONV.APPEND', 't', ...CHAT).call('CONV.RECENT', 't', 30).exec();
    assert.deepEqual(replies, [[null, 5], [null, WINDOW.messages]]);
    const [[error], [, length]] = await client.multi().call('CONV.APPEND', 't', '[]').call('CONV.LEN', 't').exec();
    assert.match(error.message, /^BADMSG message 1: /);
    assert.equal(length, 5);
    const together = await Promise.all(Array.from({ length: 100 }, () => client.call('CONV.LEN', 't')));
    assert.deepEqual(together, Array(100).fill(5));
    const found = [];
    for await (const keys of client.scanStream({ type: 'conv-list' })) found.push(...keys);
    assert.equal(new Set(found).size, 11);
  }));

// The names as methods, as ioredis does it for the commands of a server it does not know.
test('commands as methods', () =>
  connected({ keyPrefix: 'app:' }, async (client) => {
    client.addBuiltinCommand('conv.append');
    client.addBuiltinCommand('conv.recent');
    assert.equal(await client['conv.append']('app:k', ...CHAT), 5);
    assert.deepEqual(await client['conv.recent']('app:k', 30), WINDOW.messages);
  }));

test('cluster', async () => {
  const { ports, stop } = await startCluster();
  const client = new Redis.Cluster(ports.map((port) => ({ host: '127.0.0.1', port })));
  try {
    const keys = Array.from({ length: 30 }, (_, n) => `chat:${n}`);
    for (const key of keys) assert.equal(await client.call('CONV.APPEND', key, ...CHAT), 5);
    for (const key of keys) assert.deepEqual(await client.call('CONV.RECENT', key, 30), WINDOW.messages);
    const held = await Promise.all(client.nodes('master').map((node) => node.dbsize()));
    assert.equal(held.reduce((sum, n) => sum + n), 30);
    assert.ok(Math.min(...held) > 0, `${held}`);
  } finally {
    client.disconnect();
    await stop();
  }
});
