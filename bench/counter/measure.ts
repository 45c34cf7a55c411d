/** A subject under wrk, undisturbed; and our cluster while parts of it are killed. */
import { setTimeout as sleep } from 'node:timers/promises';
import { usageOf } from '../measure/usage.ts';
import type { ClusterTarget } from '../targets/cluster.ts';
import type { Failover, Measured } from './run.ts';
import { incremented, path, restartAfterSeconds, type Subject } from './subjects.ts';
import { runWrk } from './wrk.ts';

export interface Load {
  seconds: number;
  warmUpSeconds: number;
  threads: number;
  connections: number;
}

export async function measure(subject: Subject, load: Load): Promise<Measured> {
  const { addresses, name, replicas } = subject;
  const { warmUpSeconds, ...measured } = load;
  if (warmUpSeconds > 0) await runWrk({ addresses, path, ...measured, seconds: warmUpSeconds });
  const charged = await subject.charged();
  const value = await incremented(subject);
  const counts = await subject.counts?.();
  const before = usageOf(charged);
  const report = await runWrk({ addresses, path, ...measured });
  const after = usageOf(charged);
  const countsAfter = await subject.counts?.();
  // Ours is not among those that wrk made.
  const grew = (await incremented(subject)) - value - 1;
  const gathered = counts &&
    countsAfter && {
      request: report.ok / (countsAfter.requests - counts.requests),
      commit: report.ok / (countsAfter.commits - counts.commits),
    };
  const found = { name, replicas, report, grew, ...(gathered && { gathered }) };
  if (before === undefined || after === undefined || charged.length === 0) return found;
  const micros = [...after].map(([process, usage]): [string, number] => [
    process,
    usage.micros - (before.get(process)?.micros ?? 0),
  ]);
  const all = micros.reduce((sum, [, each]) => sum + each, 0);
  const coresOf = (each: number): number => each / (load.seconds * 1e6);
  return {
    ...found,
    cpuMicrosEach: {
      ...Object.fromEntries(micros.map(([process, each]) => [process, each / report.ok])),
      wrk: report.cpuMicros / report.ok,
    },
    busyCores: { servers: coresOf(all), generator: coresOf(report.cpuMicros) },
  };
}

/**
 * The leader is killed after a third of the time, a gateway after two thirds; each is started again after a
 * moment. Every value that is answered is kept: two increments that were answered the same value would be
 * one that was lost, even if the sum is right.
 */
export async function measureFailover(
  subject: Subject,
  { cluster }: ClusterTarget,
  { warmUpSeconds: _, ...load }: Load,
): Promise<Failover> {
  const events: Failover['events'] = [];
  const startedAt = performance.now();
  const note = (what: string): void => {
    events.push({ second: (performance.now() - startedAt) / 1000, what });
  };
  const killed = async (name: string, after: number): Promise<void> => {
    await sleep(after * 1000);
    const target = name === 'leader' ? await cluster.leaderOf(0) : name;
    const part = cluster.processes.find((process) => process.name === target);
    if (part === undefined) throw new Error(`there is no ${target}`);
    await part.signal('SIGKILL');
    note(`kill -9 ${target}${name === 'leader' ? ', the leader' : ''}`);
    await sleep(restartAfterSeconds * 1000);
    part.start();
    note(`${target} is started again`);
  };
  const value = await incremented(subject);
  const [report] = await Promise.all([
    runWrk({ addresses: subject.addresses, path, ...load, collect: true }),
    killed('leader', load.seconds / 3),
    killed(`gateway-${subject.replicas}`, (load.seconds * 2) / 3),
  ]);
  const grew = (await incremented(subject)) - value - 1;
  const converged = await cluster.converged().then(
    () => true,
    () => false,
  );
  const connectionsEach = load.connections / subject.replicas;
  return { report, grew, events, connectionsEach, converged, seconds: load.seconds };
}
