/**
 * Which acknowledgements must outlive which losses: DESIGN §5 as a table. `leader` is on one disk; `stream`
 * is on that disk and in JetStream, so both must go; `majority` needs a majority of the members gone for
 * good.
 */
import type { AckLevel } from '@driftless/contracts';
import type { Loss } from './event.ts';

const fatal: Record<AckLevel, readonly (readonly Loss[])[]> = {
  leader: [['leader'], ['majority']],
  stream: [
    ['leader', 'stream'],
    ['majority', 'stream'],
  ],
  majority: [['majority']],
  all: [],
};

/** The ack levels whose writes may be gone after `losses`. Losing everything excuses everything. */
export function levelsLostBy(losses: ReadonlySet<Loss>): Set<AckLevel> {
  const levels = Object.keys(fatal) as AckLevel[];
  if (losses.has('everything')) return new Set(levels);
  return new Set(levels.filter((level) => fatal[level].some((set) => set.every((loss) => losses.has(loss)))));
}
