// A conversation that the tests use: OpenAI chat, with a tool turn.
'use strict';

const CHAT = [
  { role: 'system', content: 'You are a helpful assistant.' },
  { role: 'user', content: 'What is the weather in Lisbon? ☀️ Мир' },
  {
    role: 'assistant',
    content: null,
    tool_calls: [
      { id: 'call_1', type: 'function', function: { name: 'weather', arguments: '{"city":"Lisbon"}' } },
    ],
  },
  { role: 'tool', tool_call_id: 'call_1', content: '21 C, sunny' },
  { role: 'assistant', content: '21 degrees and sunny.' },
].map((message) => JSON.stringify(message));

// What `CONV.RECENT key 30 WITHINFO` says of it.
const WINDOW = {
  messages: [CHAT[0], CHAT[4]],
  tokens: 22,
  first: 5,
  last: 5,
  skipped: 3,
  summary: 0,
  elided: 0,
  over: 0,
  system: 1,
  'system-left-out': 0,
  pinned: 0,
  dropped: 0,
  edited: 0,
  cleared: 0,
  cut: 0,
};

// A reply that is a map, which RESP2 sends as a flat list.
function toObject(flat) {
  return Object.fromEntries(flat.flatMap((name, n) => (n % 2 ? [] : [[name, flat[n + 1]]])));
}

module.exports = { CHAT, WINDOW, toObject };
