// A module for node-redis: `createClient({ modules: { conv } })`.
'use strict';

const { calls, Key } = require('./calls');

function command(build) {
  return {
    parseCommand(parser, ...given) {
      const { name, args, parse } = build(...given);
      parser.push(name);
      for (const arg of args) {
        if (arg instanceof Key) parser.pushKey(arg.name);
        else parser.push(arg);
      }
      parser.preserve = parse;
    },
    transformReply: (reply, parse) => parse(reply),
  };
}

const conv = Object.fromEntries(
  Object.entries(calls).map(([name, build]) => {
    const { reads, args } = build('', [], []);
    const keyed = args.some((arg) => arg instanceof Key) || name.startsWith('recentOfMany');
    return [name, { ...command(build), IS_READ_ONLY: reads, ...(keyed ? {} : { NOT_KEYED_COMMAND: true }) }];
  }),
);

module.exports = { conv };
