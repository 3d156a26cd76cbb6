// node-redis: over both protocols, pipelined, in transactions and in a cluster.
'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');
const { createClient, createCluster } = require('redis');
const { start, startCluster } = require('./servers');
const { CHAT, WINDOW, toObject } = require('./samples');

let server;
before(async () => {
  server = await start();
});
after(() => server?.stop());

async function connected(RESP, use) {
  const client = createClient({ url: `redis://127.0.0.1:${server.port}`, RESP });
  await client.connect();
  try {
    await client.flushAll();
    await use(client, (...words) => client.sendCommand(words.map(String)));
  } finally {
    client.destroy();
  }
}

for (const RESP of [2, 3]) {
  test(`RESP${RESP}`, () =>
    connected(RESP, async (client, run) => {
      assert.equal(await run('CONV.APPEND', 'k', ...CHAT), 5);
      assert.deepEqual(await run('CONV.RECENT', 'k', 3000), CHAT);
      const json = await run('CONV.RECENT', 'k', 3000, 'FORMAT', 'JSON');
      assert.deepEqual(JSON.parse(json), CHAT.map((message) => JSON.parse(message)));
      // A map of RESP3 is an object without a prototype.
      const window = await run('CONV.RECENT', 'k', 30, 'WITHINFO');
      assert.deepEqual(RESP === 3 ? { ...window } : toObject(window), WINDOW);
      assert.deepEqual(await run('CONV.RECENT', 'missing', 30), []);
      assert.deepEqual(await run('CONV.GET', 'k', 4, 99), [CHAT[3], null]);
      assert.equal(await run('CONV.ALTER', 'k', 'TTL', 100), 'OK');
      assert.deepEqual(await run('CONV.TOKENS', 'hello world', ''), [2, 0]);
      await assert.rejects(run('CONV.APPEND', 'k', CHAT[1], '[]'), /^\w*Error: BADMSG message 2: expected a JSON object/);
      await assert.rejects(client.lRange('k', 0, -1), /WRONGTYPE/);
      assert.equal(await client.type('k'), 'conv-list');
      assert.deepEqual(await run('CONV.POP', 'k', 2), [CHAT[4], CHAT[3]]);
      assert.equal(await run('CONV.LEN', 'k'), 3);
    }));

  test(`pipelined and in transactions, RESP${RESP}`, () =>
    connected(RESP, async (client, run) => {
      // What is sent in one turn of the event loop goes in one piece.
      const appended = await Promise.all(
        Array.from({ length: 1000 }, (_, n) => run('CONV.APPEND', `k${n % 10}`, CHAT[1])),
      );
      assert.deepEqual(appended, Array.from({ length: 1000 }, (_, n) => Math.floor(n / 10) + 1));
      const replies = await client
        .multi()
        .addCommand(['CONV.APPEND', 't', ...CHAT])
        .addCommand(['CONV.RECENT', 't', '30'])
        .exec();
      assert.deepEqual(replies, [5, WINDOW.messages]);
      const script = "return redis.call('CONV.RECENT', KEYS[1], ARGV[1])";
      assert.deepEqual(await client.eval(script, { keys: ['t'], arguments: ['30'] }), WINDOW.messages);
      const found = [];
      for await (const keys of client.scanIterator({ TYPE: 'conv-list' })) found.push(...keys);
      assert.equal(new Set(found).size, 11);
    }));
}

test('cluster', async () => {
  const { ports, stop } = await startCluster();
  const client = createCluster({ rootNodes: ports.map((port) => ({ url: `redis://127.0.0.1:${port}` })) });
  try {
    await client.connect();
    // A command that it does not know, the client sends where it is told.
    const run = (name, key, ...words) => client.sendCommand(key, false, [name, key, ...words]);
    const keys = Array.from({ length: 30 }, (_, n) => `chat:${n}`);
    for (const key of keys) assert.equal(await run('CONV.APPEND', key, ...CHAT), 5);
    for (const key of keys) assert.deepEqual(await run('CONV.RECENT', key, '30'), WINDOW.messages);
    const held = await Promise.all(
      client.masters.map(async (node) => (await client.nodeClient(node)).sendCommand(['DBSIZE'])),
    );
    assert.equal(held.reduce((sum, n) => sum + n), 30);
    assert.ok(Math.min(...held) > 0, `${held}`);
  } finally {
    client.destroy();
    await stop();
  }
});
