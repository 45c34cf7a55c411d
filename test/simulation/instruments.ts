/** Instruments of nodes and gateways that only count, so that a run can tell what it has met. */
import type { GatewayTelemetry } from '@driftless/gateway/simulation';
import type { Instruments } from '@driftless/store-node/simulation';

const nothing = (): void => undefined;

export function countingInstruments(count: (name: string, by?: number) => void): Instruments {
  const counter = (name: string) => ({ add: (by: number) => count(name, by) });
  return {
    opened: nothing,
    driftEvents: counter('drifts'),
    corruptReads: counter('corrupt reads'),
    gaps: counter('gaps'),
    deadLetters: counter('dead letters'),
    orphans: counter('orphans'),
    orphansOffered: counter('orphans offered'),
    fenced: counter('fenced'),
    streamLosses: counter('stream losses'),
    snapshotsInstalled: counter('snapshots'),
    elections: counter('elections'),
    setChanges: counter('set changes'),
    rowsCollected: counter('rows collected'),
    antiEntropy: {
      detected: () => count('detections'),
      healed: () => count('heals'),
      exchanged: ({ outcome, counts }) => {
        count(`exchanges ${outcome}`);
        count('keys healed', counts.healed);
      },
      rowsShipped: counter('rows shipped'),
      stopped: counter('keys stopped'),
      injected: counter('injected'),
    },
    applied: nothing,
    lagAtApply: nothing,
    committed: nothing,
    written: nothing,
    converged: nothing,
    stored: nothing,
    read: nothing,
    sessionWaited: nothing,
  };
}

export const silentTelemetry: GatewayTelemetry = {
  hopEnded: nothing,
  batchSent: nothing,
  retried: nothing,
  shed: nothing,
  watchSent: nothing,
  watchEnded: nothing,
  read: nothing,
  written: nothing,
  canaryPut: nothing,
  canarySeen: nothing,
  canaryFailed: nothing,
  observe: nothing,
};
