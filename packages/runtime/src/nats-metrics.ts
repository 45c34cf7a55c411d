/**
 * The connection to NATS as metrics. The round trip is asked for every few seconds, also when nobody scrapes:
 * an answer that is waited for would hold up a scrape for as long as NATS is silent.
 */
import type { Clock } from './clock.ts';
import type { NatsLink } from './nats.ts';
import type { Telemetry } from './telemetry.ts';

/** How often the round trip is measured, milliseconds. */
const roundTripEveryMs = 5_000;
/** A round trip that was measured longer ago is not known any more, milliseconds. */
const roundTripKnownMs = 3 * roundTripEveryMs;

export interface NatsMetrics {
  /** There is a connection; the function returned ends the looking. */
  follow(link: NatsLink, clock: Clock): () => void;
}

export function createNatsMetrics(telemetry: Telemetry): NatsMetrics {
  let link: NatsLink | undefined;
  let reconnects = 0;
  let roundTrip: { seconds: number; at: number } | undefined;
  let now = (): number => 0;
  telemetry.gauge(
    'nats_connected',
    { description: '1 while the process has a connection to NATS', unit: 'connections' },
    (observe) => observe(link?.isConnected() ? 1 : 0),
  );
  telemetry.observedCounter(
    'nats_reconnects_total',
    { description: 'Times that the connection was lost and came back', unit: 'connections' },
    (observe) => observe(reconnects),
  );
  telemetry.gauge(
    'nats_round_trip_seconds',
    { description: 'From a ping to its answer, measured every 5 s; absent when unknown', unit: 'seconds' },
    (observe) => {
      if (roundTrip && now() - roundTrip.at < roundTripKnownMs) observe(roundTrip.seconds);
    },
  );
  observeTraffic(telemetry, () => link);
  return {
    follow(followed, clock) {
      link = followed;
      now = () => clock.monotonic();
      const endStatus = followed.onStatus(({ type }) => {
        if (type === 'connected') reconnects += 1;
      });
      const measure = async (): Promise<void> => {
        if (!followed.isConnected()) return;
        const sentAt = now();
        const came = await followed.nc.flush().then(
          () => true,
          () => false,
        );
        if (came) roundTrip = { seconds: (now() - sentAt) / 1000, at: now() };
      };
      void measure();
      const endPings = clock.every(roundTripEveryMs, () => void measure());
      return () => {
        endStatus();
        endPings();
      };
    },
  };
}

/** What the client library counts. */
function observeTraffic(telemetry: Telemetry, link: () => NatsLink | undefined): void {
  const labels = ['direction'] as const;
  telemetry.observedCounter(
    'nats_messages_total',
    { description: 'Messages from NATS (in) and to it (out)', unit: 'messages', labels },
    (observe) => {
      const stats = link()?.nc.stats();
      if (stats === undefined) return;
      observe(stats.inMsgs, { direction: 'in' });
      observe(stats.outMsgs, { direction: 'out' });
    },
  );
  telemetry.observedCounter(
    'nats_bytes_total',
    { description: 'Bytes from NATS (in) and to it (out)', unit: 'bytes', labels },
    (observe) => {
      const stats = link()?.nc.stats();
      if (stats === undefined) return;
      observe(stats.inBytes, { direction: 'in' });
      observe(stats.outBytes, { direction: 'out' });
    },
  );
}
