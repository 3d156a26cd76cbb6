// What both clients share: options, replies, and the methods with their parameters.

/** A message, in the form of the framework that wrote it. */
export type Message = { [name: string]: any };
/** A message, or its JSON. */
export type Json = object | string;

export interface AppendOptions {
  /** Only create the conversation. */
  nx?: boolean;
  /** Only extend a conversation. */
  xx?: boolean;
  /** Skip messages whose `id` is present. */
  unique?: boolean;
  /** Append only if this is the newest sequence number. */
  ifLast?: number;
  /** The count of the first message. */
  tokens?: number;
}

export interface RecentOptions {
  /** At most so many messages in the window. */
  messages?: number;
  /** Start the window at a user message. */
  start?: 'USER';
  /** What to return if not even the newest group fits. */
  oversize?: 'EMPTY' | 'KEEP' | 'CUT';
  /** Move the start of the window in steps of so many tokens, for the provider's prompt cache. */
  step?: number;
  /** Return only the newest so many tool results in full. */
  clear?: number;
  /** With `clear`: only if the conversation is longer than so many tokens. */
  above?: number;
  noSystem?: boolean;
  noSummary?: boolean;
  noPins?: boolean;
  /** Newest first. */
  rev?: boolean;
  /** Return what is present of an incomplete conversation. */
  any?: boolean;
  /** On a cache miss, wait so many milliseconds for another client's backfill. */
  wait?: number;
}

export interface Attributes {
  encoding?: string;
  overhead?: number;
  scale?: number;
  maxMessages?: number;
  maxTokens?: number;
  ttl?: number;
  complete?: boolean;
}

export interface SearchOptions {
  regex?: boolean;
  case?: boolean;
  role?: 'system' | 'user' | 'assistant' | 'tool';
  after?: number;
  before?: number;
  since?: number;
  until?: number;
  limit?: number;
}

export interface ImportOptions {
  /** The path of the messages in the document: `a.b.c`. */
  history?: string;
  replace?: boolean;
  ex?: number;
  px?: number;
  exat?: number;
  pxat?: number;
  keepttl?: boolean;
}

export type TrimOptions = { maxMessages: number } | { maxTokens: number } | { before: number };

export interface Recent {
  messages: Message[];
  /** Tokens of the reply. */
  tokens: number;
  /** Sequence numbers of the window's first and last message, 0 if it is empty. */
  first: number;
  last: number;
  /** Older messages that are not in the reply. */
  skipped: number;
  /** 1 if the summary is in the reply. */
  summary: number;
  /** 1 if a user message was placed before the window. */
  elided: number;
  /** 1 if the only group exceeds the budget. */
  over: number;
  /** Leading system messages in the reply, and not in it. */
  system: number;
  systemLeftOut: number;
  /** Messages before the window that are there because of a pin. */
  pinned: number;
  /** Messages between `first` and `last` that are not in the reply. */
  dropped: number;
  /** Messages that were edited, results that were cleared, texts that were cut. */
  edited: number;
  cleared: number;
  cut: number;
}

export interface Summary {
  text: string;
  tokens: number | null;
  /** The last message that it covers, null if it only precedes the messages. */
  upto: number | null;
  /** Unix milliseconds. */
  updated: number;
}

export interface Claim {
  upto: number;
  summary: string | null;
  messages: Message[];
}

export interface Stored {
  seq: number;
  time: number;
  /** null while it is pending. */
  tokens: number | null;
  unread: number;
  pinned: number;
  message: Message;
}

export interface SearchHit {
  seq: number;
  time: number;
  role: string;
  tokens: number | null;
  snippet: string;
  message: Message;
}

export interface Encoding {
  name: string;
  kind: string;
  vocabulary: number;
  fingerprint: string;
  memory: number;
  state: 'ready' | 'loading' | 'error';
  error: string | null;
}

export interface Info {
  messages: number;
  tokens: number;
  first: number;
  last: number;
  created: number;
  updated: number;
  encoding: string;
  overhead: number;
  scale: number;
  encodingMissing: number;
  maxMessages: number;
  maxTokens: number;
  ttl: number;
  complete: string;
  summaryTokens: number | null;
  summaryUpto: number | null;
  pins: number;
  unread: number;
  pending: number;
  bytesRaw: number;
  bytesStored: number;
  segments: number;
}

/** The methods, each with its parameters and what its promise resolves to. */
export interface Methods {
  /** Appends messages. Resolves to the number of the last one, null if a condition does not hold. */
  append(key: string, messages: Json | Json[], options?: AppendOptions): number | null;
  /** The newest messages that fit `maxTokens`, oldest first; null on a cache miss. */
  recent(key: string, maxTokens: number, options?: RecentOptions): Message[] | null;
  /** As `recent`, with the figures of `WITHINFO`. */
  recentWithInfo(key: string, maxTokens: number, options?: RecentOptions): Recent | null;
  /** One `recent` for each key. In a cluster all keys must be in one slot. */
  recentOfMany(maxTokens: number, keys: string[], options?: RecentOptions): (Message[] | null)[];
  recentOfManyWithInfo(maxTokens: number, keys: string[], options?: RecentOptions): (Recent | null)[];
  /** The summary's text, null if there is none. */
  summary(key: string): string | null;
  summaryWithInfo(key: string): Summary | null;
  /** Stores a summary; false if a newer one is there. */
  setSummary(key: string, text: string, options?: { upto?: number; minChange?: number }): boolean;
  /** What is to be summarised, null if nothing is due. */
  claimSummary(key: string, minTokens: number, options?: { keep?: number; lease?: number }): Claim | null;
  /** Messages by index, like LRANGE. */
  range(key: string, start: number, stop: number, options?: { rev?: boolean }): Message[];
  /** A message by index, like LINDEX. */
  index(key: string, index: number, options?: { rev?: boolean }): Message | null;
  /** Messages by sequence number, null for those that are missing. */
  get(key: string, seqs: number | number[]): (Message | null)[];
  getWithInfo(key: string, seqs: number | number[]): (Stored | null)[];
  len(key: string): number;
  info(key: string): Info | null;
  /** Tokens of texts. */
  tokens(texts: string | string[], options?: { encoding?: string }): number[];
  /** Messages that contain a text, newest first. */
  search(key: string, pattern: string, options?: SearchOptions): SearchHit[];
  /** The encodings that the server knows. */
  encodings(): Encoding[];
  /** Creates an empty conversation; rejects if the key exists. */
  create(key: string, attributes?: Attributes): boolean;
  alter(key: string, attributes: Attributes): boolean;
  /** Prepends older messages, oldest first. Resolves to how many were added. */
  backfill(key: string, messages: Json | Json[], options?: { complete?: boolean }): number;
  edit(key: string, seq: number, message: Json): boolean;
  /** Removes messages. Resolves to how many there were. */
  delete(key: string, seqs: number | number[]): number;
  /** Removes the newest message and resolves to it. */
  pop(key: string): Message | null;
  popMany(key: string, count: number): Message[];
  /** Removes the oldest messages without splitting groups. Resolves to how many are left. */
  trim(key: string, limit: TrimOptions): number;
  pin(key: string, seqs: number | number[]): number;
  unpin(key: string, seqs: number | number[]): number;
  /** Copies a conversation; false if `newKey` exists or `key` is missing. */
  fork(key: string, newKey: string, options?: { upto?: number; replace?: boolean }): boolean;
  /** Stores a session document. Resolves to the number of messages. */
  importDocument(key: string, document: Json, options?: ImportOptions): number;
  /** The session document, null for a missing key. */
  exportDocument(key: string): any;
  getState(key: string): { [field: string]: any };
  getStateFields(key: string, fields: string | string[]): any[];
  /** Sets session fields. Resolves to how many are new. */
  setState(key: string, fields: { [field: string]: any }): number;
  deleteState(key: string, fields: string | string[]): number;
}
