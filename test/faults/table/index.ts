/** All real faults. */
import type { Fault } from '../runner/fault.ts';
import { jetstreamFaults } from './jetstream.ts';
import { processFaults } from './processes.ts';

export const faults: readonly Fault[] = [...processFaults, ...jetstreamFaults];
