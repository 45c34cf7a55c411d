import { expect, test } from 'vitest';
import { createLogger, redactUrl } from './log.ts';

function capture(): { lines: () => Record<string, unknown>[]; logger: ReturnType<typeof createLogger> } {
  const written: string[] = [];
  const destination = { write: (line: string) => void written.push(line) };
  const logger = createLogger({ process: 'gateway', instance: 'gateway-1', level: 'info', destination });
  return { logger, lines: () => written.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

test('a line says who wrote it, when and how grave it is', () => {
  const { logger, lines } = capture();
  logger.warn({ shard: 3 }, 'behind');
  expect(lines()[0]).toMatchObject({
    level: 'warn',
    process: 'gateway',
    instance: 'gateway-1',
    pid: process.pid,
    shard: 3,
    msg: 'behind',
  });
  expect(Date.parse(String(lines()[0]?.time))).toBeGreaterThan(0);
});

test('secrets are taken out at any depth, and nothing else is', () => {
  const { logger, lines } = capture();
  logger.info({
    headers: { authorization: 'Bearer abc', accept: '*/*' },
    nats: { options: [{ pass: 'p', user: 'u', authToken: 't' }] },
    credentials: { file: 'x' },
    passed: 3,
  });
  expect(lines()[0]).toMatchObject({
    headers: { authorization: '[redacted]', accept: '*/*' },
    nats: { options: [{ pass: '[redacted]', user: 'u', authToken: '[redacted]' }] },
    credentials: '[redacted]',
    passed: 3,
  });
});

test("a URL's user and password go from fields, messages and errors", () => {
  const { logger, lines } = capture();
  const url = 'nats://admin:hunter2@10.0.0.1:4222';
  logger.error(
    { url, err: new Error(`cannot reach ${url}`, { cause: new Error(url) }) },
    `no answer from ${url}`,
  );
  expect(JSON.stringify(lines())).not.toContain('hunter2');
  expect(lines()[0]).toMatchObject({ url: 'nats://[redacted]@10.0.0.1:4222', err: { type: 'Error' } });
  logger.error(new Error(url));
  logger.error({ err: new Error(url) });
  expect(JSON.stringify(lines())).not.toContain('hunter2');
});

test.each([
  ['nats://u:p@host:4222,nats://u:p@other:4222', 'nats://[redacted]@host:4222,nats://[redacted]@other:4222'],
  ['tls://token@host', 'tls://[redacted]@host'],
  ['http://host/a@b', 'http://host/a@b'],
  ['mail me@example.org', 'mail me@example.org'],
])('redactUrl(%s)', (text, expected) => {
  expect(redactUrl(text)).toBe(expected);
});
