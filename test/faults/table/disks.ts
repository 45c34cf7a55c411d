/**
 * Disks that are full, slow or fail. A commit that fails ends the process at once: it is never tried again,
 * since nobody knows what the kernel still holds. What was acknowledged before is safe.
 */
import { join } from 'node:path';
import type { TestProcess } from '../../harness/process.ts';
import { Tracer } from '../../harness/strace.ts';
import { mountObstacle, straceObstacle } from '../../harness/tools.ts';
import { bounds, type Fault, type Scene, type Undo } from '../runner/fault.ts';

const ours = {
  family: 'disks' as const,
  recovers: 'while it lasts' as const,
  recoveryMsMax: bounds.recoveryMs,
  convergenceMsMax: bounds.convergenceMs,
};
const mebibyte = 1024 * 1024;
const longMs = 6_000;
const nodeDisk = join('nodes', 'node-1');

/** The node has ended by itself, with a fatal line in its log, and only then was it started again. */
const endedByItself =
  (victim: (scene: Scene) => TestProcess) =>
  async (scene: Scene): Promise<void> => {
    const process = victim(scene);
    await scene.cluster.until(`${process.name} to end`, async () => !process.isRunning);
  };

function endProblems(process: TestProcess, from: number, reason: RegExp): string[] {
  const fatal = process
    .output()
    .slice(from)
    .split('\n')
    .filter((line) => line.includes('"level":"fatal"'));
  if (fatal.length === 0) return [`${process.name} did not end with a fatal line in its log`];
  return fatal.some((line) => reason.test(line))
    ? []
    : [`${process.name} ended for another reason: ${fatal[0]}`];
}

/** Each node's log before the fault, to look only at what came after. */
const outputs = new WeakMap<TestProcess, number>();

const failingSync =
  (victim: (scene: Scene) => TestProcess) =>
  async (scene: Scene): Promise<Undo> => {
    const process = victim(scene);
    outputs.set(process, process.output().length);
    const tracer = await Tracer.attach(Number(process.pid), 'fsync,fdatasync:error=EIO');
    return async () => {
      await tracer.end();
      if (!process.isRunning) process.start();
    };
  };

/** By the node's own sync of the WAL, or by SQLite's when it checkpoints. */
const failedSync = /EIO: i\/o error, fdatasync|SQLITE_IOERR|disk I\/O error/;

const judgeSync =
  (victim: (scene: Scene) => TestProcess) =>
  (scene: Scene): Promise<string[]> => {
    const process = victim(scene);
    return Promise.resolve(endProblems(process, outputs.get(process) ?? 0, failedSync));
  };

const leader = (scene: Scene): TestProcess => scene.leader;
const follower = (scene: Scene): TestProcess => scene.follower;

const slowSync =
  (victim: (scene: Scene) => TestProcess) =>
  async (scene: Scene): Promise<Undo> => {
    const tracer = await Tracer.attach(Number(victim(scene).pid), 'fsync,fdatasync:delay_enter=100000');
    return () => tracer.end();
  };

const byStrace = { ...ours, obstacle: straceObstacle };
const onSmallDisk = { ...ours, obstacle: mountObstacle };

export const diskFaults: Fault[] = [
  {
    ...byStrace,
    name: "leader's fsync fails (EIO)",
    breaks: 'the leader ends at its first failed sync, and acknowledges nothing of it',
    isShort: true,
    inject: failingSync(leader),
    hold: endedByItself(leader),
    judge: judgeSync(leader),
  },
  {
    ...byStrace,
    name: "follower's fsync fails (EIO)",
    breaks: 'a follower ends at its first failed sync',
    inject: failingSync(follower),
    hold: endedByItself(follower),
    judge: judgeSync(follower),
  },
  {
    ...byStrace,
    name: "leader's fsync takes 100 ms",
    breaks: 'writes wait for a slow disk; the lease is kept or given up',
    inject: slowSync(leader),
    hold: (scene) => scene.lasts(longMs),
  },
  {
    ...onSmallDisk,
    name: "a node's disk is full",
    breaks: 'a node that cannot commit ends, and comes back when there is room',
    cluster: {
      disks: { [nodeDisk]: 192 * mebibyte },
      nodeEnv: { DRIFTLESS_LOG_BYTES_MIN: '0', DRIFTLESS_LOG_BYTES_MAX: String(8 * mebibyte) },
    },
    inject: ({ cluster }) => {
      const process = cluster.node('node-1');
      outputs.set(process, process.output().length);
      cluster.disk(nodeDisk).fill();
      return () => {
        cluster.disk(nodeDisk).free();
        process.start();
      };
    },
    hold: ({ cluster }) => cluster.until('the node to end', async () => !cluster.node('node-1').isRunning),
    judge: ({ cluster }) => {
      const process = cluster.node('node-1');
      const reason = /SQLITE_FULL|SQLITE_IOERR|ENOSPC|disk is full/;
      return Promise.resolve(endProblems(process, outputs.get(process) ?? 0, reason));
    },
  },
  {
    ...onSmallDisk,
    name: "NATS's disk is full, then nats-server restarted",
    breaks: 'publishes are refused; nothing is acknowledged beyond ack=leader',
    recovers: 'once it is undone',
    recoveryMsMax: bounds.convergenceAfterNatsMs,
    convergenceMsMax: bounds.convergenceAfterNatsMs,
    cluster: {
      disks: { jetstream: 64 * mebibyte },
      natsConfig: 'max_file_store: 60M',
      nodeEnv: { DRIFTLESS_STREAM_BYTES_MAX: String(8 * mebibyte) },
    },
    inject: ({ cluster }) => {
      cluster.disk('jetstream').fill();
      // A stream that could not write doesn't write again in the same nats-server, though there is room.
      return async () => {
        cluster.disk('jetstream').free();
        await cluster.nats.signal('SIGKILL');
        cluster.nats.start();
      };
    },
    hold: (scene) => scene.lasts(longMs),
  },
];
