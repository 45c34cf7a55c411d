import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { ConfigError, describeConfig, loadConfig } from './config.ts';

const schema = z.object({
  nodeId: z.string().min(1).describe('Name of this node'),
  port: z.number().int().min(1).max(65_535).default(7101).describe('Where it listens'),
  leaseTtlMs: z.number().int().positive().default(3000).describe('Life of a lease').meta({ unit: 'ms' }),
  members: z.array(z.string().min(1)).default(['node-1']).describe('All nodes'),
  archive: z.boolean().default(false).describe('Keep the log for ever'),
  logLevel: z.enum(['debug', 'info']).default('info').describe('How much is logged'),
  natsPassword: z.string().min(20).optional().describe('Password at NATS'),
});

function messageOf(env: Record<string, string>): string {
  try {
    loadConfig(schema, { env });
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return '(accepted)';
}

describe('loadConfig', () => {
  test('reads a value from the file that a variable with _FILE names', () => {
    const directory = mkdtempSync(join(tmpdir(), 'driftless-config-'));
    const file = join(directory, 'id');
    writeFileSync(file, 'node-7\n');
    expect(loadConfig(schema, { env: { DRIFTLESS_NODE_ID_FILE: file } }).nodeId).toBe('node-7');
    rmSync(directory, { recursive: true });
    expect(messageOf({ DRIFTLESS_NODE_ID_FILE: file })).toContain('DRIFTLESS_NODE_ID_FILE');
    expect(messageOf({ DRIFTLESS_NODE_ID_FILE: file, DRIFTLESS_NODE_ID: 'node-1' })).toContain('both');
  });

  test('reads text into what each field expects, and fills the rest with defaults', () => {
    const env = {
      DRIFTLESS_NODE_ID: 'node-2',
      DRIFTLESS_LEASE_TTL_MS: ' 1500 ',
      DRIFTLESS_MEMBERS: 'node-1, node-2,,node-3',
      DRIFTLESS_ARCHIVE: 'on',
      DRIFTLESS_LOG_LEVEL: '',
    };
    expect(loadConfig(schema, { env })).toEqual({
      nodeId: 'node-2',
      port: 7101,
      leaseTtlMs: 1500,
      members: ['node-1', 'node-2', 'node-3'],
      archive: true,
      logLevel: 'info',
    });
  });

  test('an override wins over the environment, an undefined one does not', () => {
    const env = { DRIFTLESS_NODE_ID: 'node-2', DRIFTLESS_PORT: '8000' };
    const config = loadConfig(schema, { env, overrides: { port: 9000, nodeId: undefined } });
    expect([config.port, config.nodeId]).toEqual([9000, 'node-2']);
  });

  test('takes another prefix', () => {
    expect(loadConfig(schema, { env: { LAB_NODE_ID: 'x' }, prefix: 'LAB_' }).nodeId).toBe('x');
  });

  test.each([
    [
      'a number',
      { DRIFTLESS_PORT: '80x' },
      'DRIFTLESS_PORT is "80x"; allowed: a whole number from 1 to 65535',
    ],
    [
      'a limit',
      { DRIFTLESS_PORT: '70000' },
      'DRIFTLESS_PORT is 70000; allowed: a whole number from 1 to 65535',
    ],
    [
      'a fraction',
      { DRIFTLESS_PORT: '1.5' },
      'DRIFTLESS_PORT is 1.5; allowed: a whole number from 1 to 65535',
    ],
    [
      'hexadecimal',
      { DRIFTLESS_PORT: '0x10' },
      'DRIFTLESS_PORT is "0x10"; allowed: a whole number from 1 to 65535',
    ],
    [
      'zero',
      { DRIFTLESS_LEASE_TTL_MS: '0' },
      'DRIFTLESS_LEASE_TTL_MS is 0; allowed: a whole number greater than 0',
    ],
    ['a boolean', { DRIFTLESS_ARCHIVE: 'maybe' }, 'DRIFTLESS_ARCHIVE is "maybe"; allowed: true or false'],
    [
      'a choice',
      { DRIFTLESS_LOG_LEVEL: 'loud' },
      'DRIFTLESS_LOG_LEVEL is "loud"; allowed: one of debug, info',
    ],
    [
      'a secret',
      { DRIFTLESS_NATS_PASSWORD: 'hunter2' },
      'DRIFTLESS_NATS_PASSWORD is (hidden); allowed: text that is not empty',
    ],
  ])(
    '%s that is wrong: the message names the key, what it got and what is allowed',
    (_what, env, message) => {
      expect(messageOf({ DRIFTLESS_NODE_ID: 'node-1', ...env })).toBe(message);
    },
  );

  test('names every bad key, and what is missing', () => {
    const message = messageOf({ DRIFTLESS_PORT: '0', DRIFTLESS_ARCHIVE: '2' });
    expect(message.split('\n')).toEqual([
      'DRIFTLESS_NODE_ID is not set; allowed: text that is not empty',
      'DRIFTLESS_PORT is 0; allowed: a whole number from 1 to 65535',
      'DRIFTLESS_ARCHIVE is "2"; allowed: true or false',
    ]);
  });

  test('a union reads text by whichever of its types takes it', () => {
    const sizes = z.object({ page: z.union([z.literal(1024), z.literal(4096)]).default(4096) });
    expect(loadConfig(sizes, { env: { DRIFTLESS_PAGE: '1024' } })).toEqual({ page: 1024 });
    expect(() => loadConfig(sizes, { env: { DRIFTLESS_PAGE: '2048' } })).toThrow(
      'DRIFTLESS_PAGE is "2048"; allowed: 1024 or 4096',
    );
  });

  test("a refinement's own message is kept", () => {
    const even = z.object({ shards: z.number().refine((n) => n % 2 === 0, 'an even number') });
    expect(() => loadConfig(even, { env: { DRIFTLESS_SHARDS: '3' } })).toThrow(
      'DRIFTLESS_SHARDS is 3; allowed: an even number',
    );
  });
});

test('describeConfig gives the rows of the docs table', () => {
  const rows = describeConfig(schema);
  expect(rows[2]).toEqual({
    env: 'DRIFTLESS_LEASE_TTL_MS',
    key: 'leaseTtlMs',
    default: '3000',
    unit: 'ms',
    description: 'Life of a lease',
    allowed: 'a whole number greater than 0',
  });
  expect(rows.map((row) => row.default)).toEqual([
    undefined,
    '7101',
    '3000',
    'node-1',
    'false',
    'info',
    '(unset)',
  ]);
});
