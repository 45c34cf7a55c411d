/** The typed client. */
export { DriftlessClient } from './client.ts';
export { ClientError } from './error.ts';
export { ClientSession } from './session.ts';
export type {
  Answer,
  BatchAnswered,
  CallOptions,
  ClientOptions,
  Counted,
  Deleted,
  Head,
  ListQuery,
  Page,
  PutOptions,
  Read,
  ReadOptions,
  WatchEvent,
  WatchOptions,
  WriteOptions,
  Written,
} from './types.ts';
