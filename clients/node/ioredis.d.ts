import type { Cluster, Redis } from 'ioredis';
import type { Methods } from './types';

export * from './types';

type Async = {
  [Name in keyof Methods]: (...args: Parameters<Methods[Name]>) => Promise<ReturnType<Methods[Name]>>;
};

export interface Conv extends Async {}

/** The commands as methods, over a client or cluster of ioredis that the caller owns. */
export declare class Conv {
  constructor(client: Redis | Cluster);
  readonly client: Redis | Cluster;
}
