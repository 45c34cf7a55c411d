/**
 * The demo's own cluster: `driftless up` as anyone would start it, with nodes and shards by default, but on
 * free ports and in a directory that is removed at the end.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { NODES_DEFAULT as nodes, processTerminal } from '@driftless/cli';
import { freePortRange, readRunFile } from '@driftless/runtime';
import type { Story } from '../story.ts';

const stopMsMax = 30_000;
const exitInterrupted = 130;
/** Ports that a cluster takes: gateway, anti-entropy, nodes, nats-server and its monitoring. */
const portCount = nodes + 4;
const command = join(import.meta.dirname, '../../packages/cli/src/main.ts');

export interface DemoCluster {
  url: string;
  /** Kills a node's process with SIGKILL; absent when the cluster isn't ours. Returns the process's id. */
  kill: ((node: string) => number) | undefined;
  stop(): Promise<void>;
}

export async function connectCluster(story: Story): Promise<DemoCluster> {
  const url = processTerminal.env.DRIFTLESS_URL;
  if (!url) return startCluster(story);
  story.step(`using the cluster at ${url} (DRIFTLESS_URL); nothing will be killed`);
  return { url, kill: undefined, stop: async () => {} };
}

async function startCluster(story: Story): Promise<DemoCluster> {
  const dataDir = mkdtempSync(join(tmpdir(), 'driftless-demo-'));
  const port = await freePortRange(portCount);
  const ports = { gateway: port, node: port + 2, nats: port + nodes + 2, 'nats-monitor': port + nodes + 3 };
  story.step(`driftless up --gateway-port ${port} …`);
  const options = Object.entries(ports).flatMap(([name, value]) => [`--${name}-port`, String(value)]);
  const child = spawn(process.execPath, [command, 'up', '--data-dir', dataDir, ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const stop = async (): Promise<void> => {
    await stopChild(child);
    rmSync(dataDir, { recursive: true, force: true });
  };
  // Whoever ends the demo early gets the cluster ended too, and its directory removed.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => void stop().finally(() => process.exit(exitInterrupted)));
  }
  await ready(story, child, dataDir);
  return { url: `http://127.0.0.1:${port}`, kill: (node) => killNode(join(dataDir, 'run'), node), stop };
}

/**
 * Says what `up` says until it is ready; from then on only what it says of processes that die and come back.
 */
async function ready(story: Story, child: ChildProcess, dataDir: string): Promise<void> {
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  const died = once(child, 'exit').then(() => {
    throw new Error(`driftless up ended; its logs are in ${join(dataDir, 'log')}`);
  });
  died.catch(() => {});
  const isReady = new Promise<void>((resolve) => {
    lines.on('line', (line) => {
      if (line.startsWith('Driftless is ready')) resolve();
      if (/^(node-\d+|gateway|nats-server|Driftless|starting)\b/.test(line)) story.say(line);
    });
  });
  await Promise.race([isReady, died]);
}

function killNode(runDir: string, node: string): number {
  const pid = readRunFile(runDir, node)?.pid;
  if (pid === undefined) throw new Error(`${node} has no run file`);
  process.kill(pid, 'SIGKILL');
  return pid;
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), stopMsMax);
  await ended;
  clearTimeout(timer);
}
