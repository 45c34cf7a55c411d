/** `driftless up --observe` with a real Prometheus: it sees every process, and takes every rule. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePortRange, waitUntil } from '@driftless/runtime';
import { describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { observeTool, obstacleTo } from '../../harness/observe-tools.ts';

const cli = join(import.meta.dirname, '../../../packages/cli/src/main.ts');
const readyMsMax = 60_000;
const seenMsMax = 40_000;
const rulesMin = 30;

const targetSchema = z.object({ labels: z.record(z.string(), z.string()), health: z.string() });
const targetsSchema = z.object({ data: z.object({ activeTargets: z.array(targetSchema) }) });
const ruleSchema = z.object({ name: z.string(), health: z.string() });
const rulesSchema = z.object({
  data: z.object({ groups: z.array(z.object({ rules: z.array(ruleSchema) })) }),
});

const obstacle = obstacleTo('prometheus');
const title = obstacle === undefined ? 'up --observe' : `left out, for want of ${obstacle}`;

describe.skipIf(obstacle !== undefined && !process.env.CI)(title, () => {
  it('watches every process by its name, and evaluates every rule', async () => {
    const { prometheus, stop } = await startObserved();
    const ask = async <T>(path: string, schema: z.ZodType<T>): Promise<T> =>
      schema.parse(await (await fetch(`${prometheus}/api/v1/${path}`)).json());

    const up = async (): Promise<string[]> => {
      const { activeTargets } = (await ask('targets?state=active', targetsSchema)).data;
      // Of an Alertmanager nothing is wanted: a machine may have one, or none.
      const seen = activeTargets.filter(
        ({ health, labels }) => health === 'up' && labels.job !== 'alertmanager',
      );
      return seen.map(({ labels }) => `${labels.job} ${labels.instance}`).sort();
    };
    const wanted = ['anti-entropy anti-entropy-1', 'gateway gateway-1', 'prometheus prometheus'];
    for (const node of ['node-1', 'node-2', 'node-3']) wanted.push(`store-node ${node}`);
    await waitUntil(async () => (await up()).length === wanted.length, {
      timeoutMs: seenMsMax,
      what: 'every target to be up',
    });
    expect(await up()).toEqual(wanted);

    const health = async (): Promise<string[]> => {
      const { groups } = (await ask('rules', rulesSchema)).data;
      return groups.flatMap(({ rules }) => rules.map((rule) => rule.health));
    };
    // One group is evaluated every five minutes only; the rules of the others are, soon.
    await waitUntil(async () => (await health()).filter((one) => one === 'ok').length > rulesMin, {
      timeoutMs: seenMsMax,
      what: 'the rules to be evaluated',
    });
    expect(await health()).not.toContain('err');
    expect(await stop()).toBe(0);
  });
});

interface Observed {
  readonly prometheus: string;
  /** Its exit code. */
  stop(): Promise<number | null>;
}

async function startObserved(): Promise<Observed> {
  const dataDir = mkdtempSync(join(tmpdir(), 'driftless-observed-'));
  const port = await freePortRange(9);
  const ports = ['gateway', 'anti-entropy', 'nats', 'nats-monitor', 'prometheus', 'alertmanager', 'node'];
  const options = ports.flatMap((name, index) => [`--${name}-port`, String(port + index)]);
  const env = { ...process.env, DRIFTLESS_PROMETHEUS: observeTool('prometheus'), DRIFTLESS_NATS_URL: '' };
  const args = [cli, 'up', '--observe', '--data-dir', dataDir, ...options];
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit').then(([code]) => code as number | null);
  onTestFinished(async () => {
    child.kill('SIGTERM');
    await ended;
    rmSync(dataDir, { recursive: true });
  });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  await waitUntil(() => said.includes('prometheus is ready') || child.exitCode !== null, {
    timeoutMs: readyMsMax,
    what: `Prometheus to be ready in:\n${said}`,
  });
  expect(said).toContain('prometheus is ready');
  return {
    prometheus: `http://127.0.0.1:${port + ports.indexOf('prometheus')}`,
    stop() {
      child.kill('SIGTERM');
      return ended;
    },
  };
}
