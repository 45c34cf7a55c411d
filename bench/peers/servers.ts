/** Starting the servers of a peer in a folder of their own, and telling when one answers. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitUntil } from '@driftless/runtime';
import { type ProcessPlan, TestProcess } from '@driftless/test';
import type { Charged } from '../targets/target.ts';

const startMsMax = 30_000;
const pollMs = 50;

/** Python leaves no files beside the sources. */
export const noBytecode = { PYTHONDONTWRITEBYTECODE: '1' };

/** Why a program can't be run here. */
export function absent(command: string, ...args: readonly string[]): string | undefined {
  const env = { ...process.env, ...noBytecode };
  const { error, status } = spawnSync(command, args.length > 0 ? args : ['--version'], { env });
  if (error) return `${command} is not installed`;
  return status === 0 ? undefined : `${[command, ...args].join(' ')}  fails here`;
}

export class Servers {
  readonly directory = mkdtempSync(join(tmpdir(), 'driftless-peer-'));
  readonly #started: TestProcess[] = [];

  /** Resolves when the server takes connections. */
  async start(
    plan: Omit<ProcessPlan, 'env'> & { port: number; env?: Record<string, string> },
  ): Promise<void> {
    const server = new TestProcess({ env: {}, ...plan }, this.directory);
    this.#started.push(server);
    server.start();
    const what = `${plan.name} to listen`;
    const isUp = async (): Promise<boolean> => {
      if (!server.isRunning) throw new Error(`${plan.name} ended:\n${server.output()}`);
      return takesConnections(plan.port);
    };
    await waitUntil(isUp, { timeoutMs: startMsMax, intervalMs: pollMs, what });
  }

  /** All of them under one name. */
  charged(name: string): Charged[] {
    return this.#started.flatMap(({ pid }) => (pid === undefined ? [] : [{ name, pid }]));
  }

  /** By SIGTERM first: a killed gunicorn would leave its workers. */
  async stop(): Promise<void> {
    for (const server of this.#started.toReversed()) {
      await server.signal('SIGTERM');
      await server.end();
    }
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    const end = (isUp: boolean): void => {
      socket.destroy();
      resolve(isUp);
    };
    socket.on('connect', () => end(true));
    socket.on('error', () => end(false));
  });
}
