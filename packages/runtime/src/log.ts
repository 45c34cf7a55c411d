/**
 * Logging: one JSON line an event, on standard output, by pino.
 *
 * Every line carries who wrote it (process, instance, pid), so that the lines of a whole cluster can be
 * poured together and still be told apart. Secrets are taken out here, and only here: a key that sounds
 * like one loses its value at any depth, and the user:pass of a URL goes wherever the URL stands, messages
 * and error stacks included. Lines are rare (requests are counted by metrics, not logged), so that walk
 * costs nothing that matters.
 */
import { type DestinationStream, type Logger, levels, pino, stdSerializers, stdTimeFunctions } from 'pino';

export type { Logger };

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface LoggerOptions {
  /** Kind of process: `store-node`, `gateway`, … */
  readonly process: string;
  /** Which one of them: `node-1`, `gateway-1`, … */
  readonly instance: string;
  readonly level: LogLevel;
  /** Where lines go. Default: standard output, written at once, so that a crash loses none. */
  readonly destination?: DestinationStream | undefined;
  /** Is told of every line that is written. */
  readonly logged?: ((level: string) => void) | undefined;
}

const SECRET_KEY =
  /^(pass|jwt)$|password|passwd|passphrase|secret|token|authorization|credential|creds|api_?key|cookie|nkey/i;
const URL_USER_INFO = /([a-z][a-z0-9+.-]*:\/\/)[^\s/@"']+@/gi;
const REDACTED = '[redacted]';
const REDACT_DEPTH_MAX = 8;

export function createLogger(options: LoggerOptions): Logger {
  const { process: name, instance, level, destination, logged } = options;
  return pino(
    {
      level,
      base: { process: name, instance, pid: process.pid },
      timestamp: stdTimeFunctions.isoTime,
      serializers: { err: redactedError, error: redactedError },
      formatters: {
        level: (label) => ({ level: label }),
        log: (fields) => redact(fields, 0) as Record<string, unknown>,
      },
      hooks: {
        logMethod(args, method, levelNumber) {
          logged?.(levels.labels[levelNumber] ?? '');
          const safe = withMessage(args).map((arg) => (typeof arg === 'string' ? redactUrl(arg) : arg));
          method.apply(this, safe as typeof args);
        },
      },
    },
    destination ?? pino.destination({ fd: 1, sync: true }),
  );
}

/** Takes user and password out of every URL in a text: `nats://u:p@host` → `nats://[redacted]@host`. */
export function redactUrl(text: string): string {
  return text.includes('://') ? text.replace(URL_USER_INFO, `$1${REDACTED}@`) : text;
}

/** Without a message pino takes the error's own, past all redaction; so it is made explicit. */
function withMessage([first, ...rest]: readonly unknown[]): unknown[] {
  const error = first instanceof Error ? first : (first as { err?: unknown } | null | undefined)?.err;
  const fields = first instanceof Error ? { err: first } : first;
  return error instanceof Error && rest.length === 0 ? [fields, error.message] : [fields, ...rest];
}

function redactedError(error: Error): unknown {
  return redact(stdSerializers.err(error), 0);
}

/** A copy without secrets. Instances of classes are left to their own serializers. */
function redact(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return redactUrl(value);
  if (typeof value !== 'object' || value === null || depth > REDACT_DEPTH_MAX) return value;
  if (Array.isArray(value)) return value.map((item) => redact(item, depth + 1));
  if (value instanceof Error && depth > 0) return value;
  if (!isPlain(value) && depth > 0) return value;
  const copy: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    copy[key] = SECRET_KEY.test(key) && item !== undefined ? REDACTED : redact(item, depth + 1);
  }
  return copy;
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
