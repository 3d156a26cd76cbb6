// The commands as methods, over a client or cluster of ioredis.
'use strict';

const { Command } = require('ioredis');
const { calls, Key } = require('./calls');

class Conv {
  // The client stays the caller's.
  constructor(client) {
    this.client = client;
  }

  // Sends a call and reads its reply.
  async run({ name, args, parse, reads }) {
    const prefix = this.client.options.keyPrefix ?? '';
    const words = args.map((arg) => (arg instanceof Key ? prefix + arg.name : arg));
    const command = new Command(name, words, { replyEncoding: 'utf8', readOnly: reads });
    // ioredis does not know where the keys of these commands are: in a cluster it would ask any node.
    command.keys = words.filter((_, n) => args[n] instanceof Key);
    return parse(await this.client.sendCommand(command));
  }
}

for (const [name, build] of Object.entries(calls)) {
  Object.defineProperty(Conv.prototype, name, {
    value(...given) {
      return this.run(build(...given));
    },
    writable: true,
    configurable: true,
  });
}

module.exports = { Conv };
