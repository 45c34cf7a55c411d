/**
 * Named limits that hold everywhere. A limit that an operator may move is a configuration key of the
 * process that enforces it; what stands here is part of the protocol, the same on every machine.
 */

/** Longest key, in bytes of UTF-8. */
export const keyBytesMax = 512;
/** Largest value, in bytes. */
export const valueBytesMax = 512 * 1024;
/** Longest content type kept with a value, in characters. */
export const contentTypeCharsMax = 255;
/**
 * Largest replication event, in bytes: below NATS's default `max_payload` of 1 MiB, with room for headers.
 */
export const eventBytesMax = 960 * 1024;
/** Most operations in one replication event. */
export const eventOperationsMax = 1024;
/** Most rows that one `collected` operation removes. */
export const collectedEntriesMax = 4096;
/** Most operations in one `POST /v1/batch`. */
export const batchOperationsMax = 1000;
/** Largest page of a listing, in entries. */
export const listLimitMax = 1000;
/** Entries in a page of a listing when the request does not say. */
export const listLimitDefault = 100;
/** Longest time to live, in seconds (ten years). */
export const ttlSecondsMax = 315_360_000;
/** Longest `Idempotency-Key`, in characters. */
export const idempotencyKeyCharsMax = 128;
/** Counters stay within the integers that JSON numbers carry exactly. */
export const counterAbsMax = Number.MAX_SAFE_INTEGER;
/** Deepest nesting of a JSON value that the gateway takes. */
export const jsonDepthMax = 128;
/** Largest body of any request to the gateway, in bytes (a batch of many values). */
export const requestBytesMax = 8 * 1024 * 1024;
/** Most bytes of log that one catch-up answer carries. */
export const catchUpBytesMax = 4 * 1024 * 1024;
/** Longest time that a node holds a request for log that isn't there yet, in milliseconds. */
export const logWaitMsMax = 20_000;
/** Largest `maxStalenessMs` of a bounded read (a day), milliseconds. */
export const stalenessMsMax = 86_400_000;
/** Longest session token that is taken, in characters; one of 64 shards has fewer than 1024. */
export const sessionTokenCharsMax = 12_288;
