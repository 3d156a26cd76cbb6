import type { Methods } from './types';

export * from './types';

/** What node-redis hands to a command to write its arguments to. */
interface Parser {
  push(...args: (string | Buffer)[]): unknown;
  pushKey(key: string | Buffer): unknown;
}

type Module = {
  [Name in keyof Methods]: {
    IS_READ_ONLY: boolean;
    parseCommand(this: void, parser: Parser, ...args: Parameters<Methods[Name]>): void;
    transformReply(this: void, reply: any, preserve?: any): ReturnType<Methods[Name]>;
  };
};

/** The commands as a module of node-redis: `createClient({ modules: { conv } })`. */
export declare const conv: Module;
