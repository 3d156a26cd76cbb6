// Each command as a function that returns its arguments, its keys, and how its reply is read. Both clients are made of
// these, so a command is written once.
'use strict';

const replies = require('./replies');

// Marks an argument as a key: a cluster's client sends the command to its node, and a prefix goes before it.
class Key {
  constructor(name) {
    this.name = name;
  }
}

const same = (reply) => reply;
const isTrue = (reply) => reply === 1 || reply === 'OK';

function json(value) {
  return typeof value === 'string' || Buffer.isBuffer(value) ? value : JSON.stringify(value);
}

function list(value) {
  return Array.isArray(value) ? value : [value];
}

// Options in the order of `names`. True is sent as the word alone, other values after it.
function options(given, names) {
  const unknown = Object.keys(given).filter((name) => !names.includes(name));
  if (unknown.length) throw new TypeError(`unknown option '${unknown[0]}'; expected ${names.join(', ')}`);
  return names.flatMap((name) => {
    const value = given[name];
    if (value === undefined || value === null || value === false) return [];
    return value === true ? [name.toUpperCase()] : [name.toUpperCase(), String(value)];
  });
}

const RECENT = [
  'messages', 'start', 'oversize', 'step', 'clear', 'above', 'noSystem', 'noSummary', 'noPins', 'rev', 'any', 'wait',
];
const ATTRIBUTES = ['encoding', 'overhead', 'scale', 'maxMessages', 'maxTokens', 'ttl', 'complete'];
const SEARCH = ['regex', 'case', 'role', 'after', 'before', 'since', 'until', 'limit'];
const IMPORT = ['history', 'replace', 'ex', 'px', 'exat', 'pxat', 'keepttl'];

function recentWords(given = {}) {
  return ['FORMAT', 'JSON', ...options(given, RECENT)];
}

function attributes(given = {}) {
  const complete = typeof given.complete === 'boolean' ? (given.complete ? 'yes' : 'no') : given.complete;
  return options({ ...given, complete }, ATTRIBUTES);
}

// `reads` allows replicas.
function call(name, args, parse, reads = false) {
  return { name, args, parse, reads };
}

const recentOfMany = (maxTokens, keys, words) => [String(maxTokens), String(keys.length), ...keys.map((k) => new Key(k)), ...words];
const numbers = (seqs) => list(seqs).map(String);

module.exports = {
  Key,
  calls: {
    append: (key, messages, given = {}) =>
      call(
        'CONV.APPEND',
        [new Key(key), ...options(given, ['nx', 'xx', 'unique', 'ifLast', 'tokens']), ...list(messages).map(json)],
        same,
      ),
    recent: (key, maxTokens, given) =>
      call('CONV.RECENT', [new Key(key), String(maxTokens), ...recentWords(given)], replies.messagesOrMiss, true),
    recentWithInfo: (key, maxTokens, given) =>
      call('CONV.RECENT', [new Key(key), String(maxTokens), ...recentWords(given), 'WITHINFO'], replies.withMessages, true),
    recentOfMany: (maxTokens, keys, given) =>
      call('CONV.MRECENT', recentOfMany(maxTokens, keys, recentWords(given)), (found) => found.map(replies.messagesOrMiss), true),
    recentOfManyWithInfo: (maxTokens, keys, given) =>
      call('CONV.MRECENT', recentOfMany(maxTokens, keys, [...recentWords(given), 'WITHINFO']), (found) => found.map(replies.withMessages), true),
    summary: (key) => call('CONV.SUMMARY', [new Key(key)], same, true),
    summaryWithInfo: (key) => call('CONV.SUMMARY', [new Key(key), 'WITHINFO'], replies.object, true),
    setSummary: (key, text, given = {}) =>
      call('CONV.SETSUMMARY', [new Key(key), text, ...options(given, ['upto', 'minChange'])], isTrue),
    claimSummary: (key, minTokens, given = {}) =>
      call('CONV.CLAIMSUMMARY', [new Key(key), String(minTokens), ...options(given, ['keep', 'lease'])], replies.withMessages),
    range: (key, start, stop, given = {}) =>
      call(
        'CONV.RANGE',
        [new Key(key), String(start), String(stop), ...options(given, ['rev']), 'FORMAT', 'JSON'],
        replies.messages,
        true,
      ),
    index: (key, index, given = {}) =>
      call('CONV.INDEX', [new Key(key), String(index), ...options(given, ['rev'])], replies.message, true),
    get: (key, seqs) => call('CONV.GET', [new Key(key), ...numbers(seqs)], replies.list, true),
    getWithInfo: (key, seqs) => call('CONV.GET', [new Key(key), ...numbers(seqs), 'WITHINFO'], replies.withMessage, true),
    len: (key) => call('CONV.LEN', [new Key(key)], same, true),
    info: (key) => call('CONV.INFO', [new Key(key)], replies.object, true),
    tokens: (texts, given = {}) => call('CONV.TOKENS', [...list(texts), ...options(given, ['encoding'])], same, true),
    search: (key, pattern, given = {}) =>
      call('CONV.SEARCH', [new Key(key), pattern, ...options(given, SEARCH), 'WITHINFO'], replies.withMessage, true),
    encodings: () => call('CONV.ENCODINGS', [], (found) => found.map(replies.object), true),
    create: (key, given) => call('CONV.CREATE', [new Key(key), ...attributes(given)], isTrue),
    alter: (key, given) => call('CONV.ALTER', [new Key(key), ...attributes(given)], isTrue),
    backfill: (key, messages, given = {}) =>
      call('CONV.BACKFILL', [new Key(key), ...options(given, ['complete']), ...list(messages).map(json)], same),
    edit: (key, seq, message) => call('CONV.EDIT', [new Key(key), String(seq), json(message)], isTrue),
    delete: (key, seqs) => call('CONV.DEL', [new Key(key), ...numbers(seqs)], same),
    pop: (key) => call('CONV.POP', [new Key(key)], replies.message),
    popMany: (key, count) => call('CONV.POP', [new Key(key), String(count)], replies.list),
    trim: (key, given) => call('CONV.TRIM', [new Key(key), ...options(given, ['maxMessages', 'maxTokens', 'before'])], same),
    pin: (key, seqs) => call('CONV.PIN', [new Key(key), ...numbers(seqs)], same),
    unpin: (key, seqs) => call('CONV.UNPIN', [new Key(key), ...numbers(seqs)], same),
    fork: (key, newKey, given = {}) =>
      call('CONV.FORK', [new Key(key), new Key(newKey), ...options(given, ['upto', 'replace'])], isTrue),
    importDocument: (key, document, given = {}) =>
      call('CONV.IMPORT', [new Key(key), json(document), ...options(given, IMPORT)], same),
    exportDocument: (key) => call('CONV.EXPORT', [new Key(key)], replies.message, true),
    getState: (key) => call('CONV.GETSTATE', [new Key(key)], replies.state, true),
    getStateFields: (key, fields) => call('CONV.GETSTATE', [new Key(key), ...list(fields)], replies.list, true),
    setState: (key, fields) =>
      call(
        'CONV.SETSTATE',
        [new Key(key), ...Object.entries(fields).flatMap(([name, value]) => [name, JSON.stringify(value)])],
        same,
      ),
    deleteState: (key, fields) => call('CONV.DELSTATE', [new Key(key), ...list(fields)], same),
  },
};
