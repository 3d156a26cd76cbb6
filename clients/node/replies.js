// How replies are read, from RESP2 and RESP3.
'use strict';

// Names and values of a map: over RESP3 an object or a Map, over RESP2 a flat array.
function entries(reply) {
  if (reply instanceof Map) return [...reply];
  if (!Array.isArray(reply)) return Object.entries(reply);
  return reply.flatMap((name, n) => (n % 2 ? [] : [[name, reply[n + 1]]]));
}

const camel = (name) => String(name).replace(/-(.)/g, (_, letter) => letter.toUpperCase());

// A message, null for nil.
const message = (reply) => (reply === null ? null : JSON.parse(reply));
// An array of messages and nils; nil is an empty array.
const list = (reply) => (reply ?? []).map(message);
// A reply of FORMAT JSON; nil is an empty array.
const messages = (reply) => (reply ? JSON.parse(reply) : []);
// A reply of FORMAT JSON; null for a cache miss.
const messagesOrMiss = message;
// A map with names as JavaScript writes them, null for nil.
function object(reply) {
  return reply === null ? null : Object.fromEntries(entries(reply).map(([name, value]) => [camel(name), value]));
}
// Session fields, parsed. Their names stay as they are.
const state = (reply) => Object.fromEntries(entries(reply).map(([name, value]) => [name, JSON.parse(value)]));
// A map whose `messages` are one JSON string, or an array.
function withMessages(reply) {
  const found = object(reply);
  if (found) found.messages = Array.isArray(found.messages) ? list(found.messages) : messages(found.messages);
  return found;
}
// Maps whose `message` is JSON; null for what is not there.
function withMessage(reply) {
  return (reply ?? []).map((item) => {
    const found = object(item);
    if (found) found.message = message(found.message);
    return found;
  });
}

module.exports = { list, message, messages, messagesOrMiss, object, state, withMessage, withMessages };
