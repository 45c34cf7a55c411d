/** Wall clocks that jump, by libfaketime. Nothing orders by them, so nothing may come of it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestProcess } from '../../harness/process.ts';
import { fakeTimeLibrary, fakeTimeObstacle } from '../../harness/tools.ts';
import { bounds, type Fault, type Scene, type Undo } from '../runner/fault.ts';

const clockFile = (directory: string, node: string): string => join(directory, `${node}.clock`);
const setClock = (directory: string, node: string, offset: string): void =>
  writeFileSync(clockFile(directory, node), `${offset}\n`);

const jumping = {
  family: 'clocks' as const,
  recovers: 'while it lasts' as const,
  recoveryMsMax: bounds.recoveryMs,
  convergenceMsMax: bounds.convergenceMs,
  obstacle: fakeTimeObstacle,
  cluster: {
    nodeEnv: (node: string, directory: string): Record<string, string> => {
      setClock(directory, node, '+0');
      return {
        LD_PRELOAD: fakeTimeLibrary() ?? '',
        FAKETIME_TIMESTAMP_FILE: clockFile(directory, node),
        FAKETIME_DONT_FAKE_MONOTONIC: '1',
        FAKETIME_CACHE_DURATION: '1',
      };
    },
  },
};

const jump =
  (victim: (scene: Scene) => TestProcess, offset: string) =>
  (scene: Scene): Undo => {
    const { directory } = scene.cluster;
    const { name } = victim(scene);
    setClock(directory, name, offset);
    return () => setClock(directory, name, '+0');
  };
const longMs = 5_000;
const hold = (scene: Scene): Promise<void> => scene.lasts(longMs);

export const clockFaults: Fault[] = [
  {
    ...jumping,
    name: "leader's clock jumps an hour ahead, and back",
    breaks: 'leases, positions and versions without wall clocks',
    isShort: true,
    inject: jump((scene) => scene.leader, '+3600s'),
    hold,
  },
  {
    ...jumping,
    name: "leader's clock jumps an hour back, and ahead",
    breaks: 'the same',
    inject: jump((scene) => scene.leader, '-3600s'),
    hold,
  },
  {
    ...jumping,
    name: "follower's clock jumps an hour ahead, and back",
    breaks: 'lag and staleness without wall clocks',
    inject: jump((scene) => scene.follower, '+3600s'),
    hold,
  },
];
