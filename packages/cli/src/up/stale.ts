/**
 * Children that outlived their `up`, killed -9 say. They are found by their run files, and recognised by
 * their command line, which names this data directory; a pid that belongs to something else by now is left
 * alone. They get SIGTERM, the time to drain, and then SIGKILL, in the order in which `up` itself stops:
 * the gateway, then the nodes, then nats-server.
 */
import { listRunFiles, removeRunFile, waitUntil } from '@driftless/runtime';
import { dataDirArgument, type Layout } from './options.ts';
import { commandLineOf, isAlive, signalProcess } from './processes.ts';

export interface StaleChild {
  readonly name: string;
  readonly pid: number;
}

const STOP_TIMEOUT_MS = 8_000;
const KILL_TIMEOUT_MS = 5_000;

export async function stopStaleChildren(
  layout: Layout,
  say: (line: string) => void,
  stopTimeoutMs: number = STOP_TIMEOUT_MS,
): Promise<void> {
  for (const stage of [/^gateway/, /^node-/, /./]) {
    const children = staleChildren(layout).filter(({ name }) => stage.test(name));
    await Promise.all(children.map((child) => stop(child, say, stopTimeoutMs)));
  }
  for (const name of listRunFiles(layout.run).keys()) removeRunFile(layout.run, name);
}

/** Living processes of this data directory that no `up` looks after. */
export function staleChildren(layout: Layout): StaleChild[] {
  const files = [...listRunFiles(layout.run)].filter(([name]) => name !== 'up');
  return files.map(([name, { pid }]) => ({ name, pid })).filter(({ pid }) => isOurs(pid, layout));
}

function isOurs(pid: number, layout: Layout): boolean {
  const line = `${commandLineOf(pid) ?? ''} `;
  // What is not ours has no argument for us; but it is told where its files are.
  const places = [layout.natsConfig, `=${layout.prometheus}`, `=${layout.alertmanager}`];
  return [dataDirArgument(layout), ...places].some((argument) => line.includes(`${argument} `));
}

async function stop(
  { name, pid }: StaleChild,
  say: (line: string) => void,
  stopTimeoutMs: number,
): Promise<void> {
  say(`${name} (process ${pid}) was left behind by an earlier start; stopping it`);
  const gone = (timeoutMs: number): Promise<boolean> =>
    waitUntil(() => !isAlive(pid), { timeoutMs, what: `${name} (process ${pid}) to be gone` });
  signalProcess(pid, 'SIGTERM');
  // One that was paused takes notice of the SIGTERM only when it goes on.
  signalProcess(pid, 'SIGCONT');
  try {
    await gone(stopTimeoutMs);
  } catch {
    say(`${name} (process ${pid}) does not stop; killing it`);
    signalProcess(pid, 'SIGKILL');
    await gone(KILL_TIMEOUT_MS);
  }
}
