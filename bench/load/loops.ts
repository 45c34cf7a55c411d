/**
 * Closed and open loop of requests, in this process.
 */
import { Connection, type OnAnswer } from './connection.ts';
import type { LoadPlan, LoadReport } from './plan.ts';
import { RequestMaker } from './request-maker.ts';
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
  const onAnswer: OnAnswer = (connection, status) => {
    const at = now();
    const tookMs = at - (startedAt.get(connection) as number);
    tally.answered({ status, nowMs: at, tookMs, sinceSentMs: tookMs, at });
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
  const underWay = new Map<Connection, { dueMs: number; sentMs: number }>();
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
      underWay.set(connection, { dueMs, sentMs: at });
      tally.sentLate(at - Math.max(dueMs, freeSince), dueMs);
      connection.send(next());
    }
  };
  const onAnswer: OnAnswer = (connection, status) => {
    const at = now();
    const { dueMs, sentMs } = underWay.get(connection) as { dueMs: number; sentMs: number };
    underWay.delete(connection);
    tally.answered({ status, nowMs: at, tookMs: at - dueMs, sinceSentMs: at - sentMs, at: dueMs });
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
    owed: () => underWay.size + schedule.count - sent,
    end: () => {
      for (const { dueMs } of underWay.values()) tally.unanswered(now() - dueMs, dueMs);
      for (; sent < schedule.count; sent += 1) {
        tally.unanswered(now() - schedule.dueMs(sent), schedule.dueMs(sent));
      }
      for (const connection of connections) connection.close();
    },
  };
}

function connectionsOf({ connections, ports }: LoadPlan, onAnswer: OnAnswer): Connection[] {
  return Array.from(
    { length: connections },
    (_, i) => new Connection(ports[i % ports.length] as number, onAnswer),
  );
}

export async function runPlan(plan: LoadPlan): Promise<LoadReport> {
  const random = randomFrom(1);
  const requests = new RequestMaker(plan.request);
  const next = (): Buffer => requests.of(Math.floor(random() * plan.keys));
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
  const cores = microsSince(cpuBefore) / 1000 / (now() - startMs);
  while (loop.owed() > 0 && now() < untilMs + drainMsMax) await sleep(drainPollMs);
  const unanswered = loop.owed();
  loop.end();
  return tally.report(unanswered, { cpuMicros: microsSince(cpuBefore), cores });
}

function microsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
