/**
 * Closed and open loop of requests, in this process. Requests are made before the clock starts.
 */
import { Connection } from './connection.ts';
import { keyOf, type LoadPlan, type LoadReport, requestText } from './plan.ts';
import { Schedule } from './schedule.ts';
import { Tally } from './tally.ts';

/** How long the last answers are waited for. */
const drainMsMax = 5000;
const drainPollMs = 10;
/** As often as a timer of Node can look for arrivals that are due. */
const tickMs = 1;

/** A load under way. */
interface Loop {
  start(): void;
  /** Sent, or due to be sent, and not answered. */
  owed(): number;
  /** Counts what is still owed as late as now, and closes the connections. */
  end(): void;
}

const now = (): number => performance.now();

/** Numerical Recipes' linear congruential generator: the same keys in each run. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Each connection sends its next request when it has the answer to the last. */
function closedLoop(plan: LoadPlan, tally: Tally, next: () => Buffer, untilMs: number): Loop {
  const startedAt = new Map<Connection, number>();
  const send = (connection: Connection): void => {
    startedAt.set(connection, now());
    connection.send(next());
  };
  const onAnswer = (connection: Connection, ok: boolean): void => {
    const at = now();
    tally.answered(ok, at, at - (startedAt.get(connection) as number), at);
    if (at < untilMs) send(connection);
    else startedAt.delete(connection);
  };
  const connections = connectionsOf(plan, onAnswer);
  return {
    start: () => connections.forEach(send),
    owed: () => startedAt.size,
    end: () => {
      for (const at of startedAt.values()) tally.unanswered(now() - at, untilMs - 1);
      for (const connection of connections) connection.close();
    },
  };
}

/** Requests are due by a schedule; one that finds no free connection waits for one, and its wait counts. */
function openLoop(plan: LoadPlan, tally: Tally, next: () => Buffer, schedule: Schedule): Loop {
  const dueOf = new Map<Connection, number>();
  let sent = 0;
  /** Since when a connection has been free. */
  let freeSince = 0;
  const sendWhatIsDue = (): void => {
    const at = now();
    const due = schedule.dueBy(at);
    while (sent < due) {
      const connection = idle.pop();
      if (connection === undefined) return;
      const dueMs = schedule.dueMs(sent);
      sent += 1;
      dueOf.set(connection, dueMs);
      tally.sentLate(at - Math.max(dueMs, freeSince), dueMs);
      connection.send(next());
    }
  };
  const onAnswer = (connection: Connection, ok: boolean): void => {
    const at = now();
    const dueMs = dueOf.get(connection) as number;
    dueOf.delete(connection);
    tally.answered(ok, at, at - dueMs, dueMs);
    if (idle.length === 0) freeSince = at;
    idle.push(connection);
    sendWhatIsDue();
  };
  const connections = connectionsOf(plan, onAnswer);
  const idle = [...connections];
  const tick = (): void => {
    sendWhatIsDue();
    if (sent < schedule.count) setTimeout(tick, tickMs);
  };
  return {
    start: tick,
    owed: () => dueOf.size + schedule.count - sent,
    end: () => {
      for (const dueMs of dueOf.values()) tally.unanswered(now() - dueMs, dueMs);
      for (; sent < schedule.count; sent += 1) {
        tally.unanswered(now() - schedule.dueMs(sent), schedule.dueMs(sent));
      }
      for (const connection of connections) connection.close();
    },
  };
}

function connectionsOf(
  { connections, ports }: LoadPlan,
  onAnswer: (connection: Connection, ok: boolean) => void,
): Connection[] {
  return Array.from(
    { length: connections },
    (_, i) => new Connection(ports[i % ports.length] as number, onAnswer),
  );
}

export async function runPlan(plan: LoadPlan): Promise<LoadReport> {
  const random = randomFrom(1);
  const requests = Array.from({ length: plan.keys }, (_, i) =>
    Buffer.from(requestText(plan.request, keyOf(i)), 'latin1'),
  );
  const next = (): Buffer => requests[Math.floor(random() * requests.length)] as Buffer;
  const cpuBefore = process.cpuUsage();
  const durationMs = plan.warmUpMs + plan.measureMs;
  const startMs = now();
  const untilMs = startMs + durationMs;
  const tally = new Tally(startMs + plan.warmUpMs, untilMs);
  const { perSecond } = plan;
  const loop =
    perSecond === undefined
      ? closedLoop(plan, tally, next, untilMs)
      : openLoop(plan, tally, next, new Schedule(startMs, durationMs, perSecond));
  loop.start();
  await sleep(durationMs);
  while (loop.owed() > 0 && now() < untilMs + drainMsMax) await sleep(drainPollMs);
  const unanswered = loop.owed();
  loop.end();
  const { user, system } = process.cpuUsage(cpuBefore);
  return tally.report(unanswered, user + system);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
