/** All real faults. */
import type { Fault } from '../runner/fault.ts';
import { clockFaults } from './clocks.ts';
import { diskFaults } from './disks.ts';
import { fileFaults } from './files.ts';
import { jetstreamFaults } from './jetstream.ts';
import { linkFaults } from './links.ts';
import { natsClusterFaults } from './nats-cluster.ts';
import { noFaults } from './no-fault.ts';
import { processFaults } from './processes.ts';

export const faults: readonly Fault[] = [
  ...processFaults,
  ...jetstreamFaults,
  ...linkFaults,
  ...diskFaults,
  ...clockFaults,
  ...fileFaults,
  ...natsClusterFaults,
  ...noFaults,
];
