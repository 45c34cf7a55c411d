/**
 * Closed and open loop of requests, in this process.
 */
import { Connection } from './connection.ts';
import type { LoadPlan, LoadReport } from './plan.ts';
import { RequestMaker } from './request-maker.ts';
import { Schedule } from './schedule.ts';
import { Tally } from './tally.ts';

/** How long the last answers are waited for. */
const drainMsMax = 5000;
const drainPollMs = 10;
/** As often as a timer of Node can look for arrivals that are due. */
const tickMs = 1;

/** Connections that are opened at a time: fewer than a server keeps waiting for its accept. */
const openingMax = 128;

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

/** Sends a request for the next key. */
type Send = (connection: Connection) => void;

function sendingOf({ request, keys }: LoadPlan): Send {
  const random = randomFrom(1);
  const requests = new RequestMaker(request);
  return (connection) => {
    const hasGoneOut = connection.send(requests.of(Math.floor(random() * keys)));
    if (!hasGoneOut) requests.kept();
  };
}

/** Each connection sends its next request when it has the answer to the last. */
function closedLoop(connections: readonly Connection[], tally: Tally, send: Send, untilMs: number): Loop {
  let owed = 0;
  const sendAt = (connection: Connection, at: number): void => {
    connection.sentMs = at;
    owed += 1;
    send(connection);
  };
  const onAnswer = (connection: Connection, status: number): void => {
    const at = now();
    const tookMs = at - connection.sentMs;
    tally.answered(status, at, tookMs, tookMs, at);
    owed -= 1;
    if (at < untilMs) sendAt(connection, at);
  };
  for (const connection of connections) connection.onAnswer = onAnswer;
  return {
    start: () => {
      for (const connection of connections) sendAt(connection, now());
    },
    owed: () => owed,
    end: () => {
      for (const connection of connections) {
        if (connection.isAwaiting) tally.unanswered(now() - connection.sentMs, untilMs - 1);
        connection.close();
      }
    },
  };
}

/** Requests are due by a schedule; one that finds no free connection waits for one, and its wait counts. */
function openLoop(connections: readonly Connection[], tally: Tally, send: Send, schedule: Schedule): Loop {
  let sent = 0;
  let answered = 0;
  /** Since when a connection has been free. */
  let freeSince = 0;
  const sendWhatIsDue = (at: number): void => {
    const due = schedule.dueBy(at);
    while (sent < due) {
      const connection = idle.pop();
      if (connection === undefined) return;
      connection.dueMs = schedule.dueMs(sent);
      connection.sentMs = at;
      sent += 1;
      tally.sentLate(at - Math.max(connection.dueMs, freeSince), connection.dueMs);
      send(connection);
    }
  };
  const onAnswer = (connection: Connection, status: number): void => {
    const at = now();
    const { dueMs, sentMs } = connection;
    answered += 1;
    tally.answered(status, at, at - dueMs, at - sentMs, dueMs);
    if (idle.length === 0) freeSince = at;
    idle.push(connection);
    sendWhatIsDue(at);
  };
  for (const connection of connections) connection.onAnswer = onAnswer;
  const idle = [...connections];
  const tick = (): void => {
    sendWhatIsDue(now());
    if (sent < schedule.count) setTimeout(tick, tickMs);
  };
  return {
    start: tick,
    owed: () => schedule.count - answered,
    end: () => {
      for (const connection of connections) {
        const { isAwaiting, dueMs } = connection;
        if (isAwaiting) tally.unanswered(now() - dueMs, dueMs);
        connection.close();
      }
      for (; sent < schedule.count; sent += 1) {
        tally.unanswered(now() - schedule.dueMs(sent), schedule.dueMs(sent));
      }
    },
  };
}

async function openConnections({ connections, ports }: LoadPlan): Promise<Connection[]> {
  const opened: Connection[] = [];
  while (opened.length < connections) {
    const count = Math.min(openingMax, connections - opened.length);
    const next = Array.from(
      { length: count },
      (_, i) => new Connection(ports[(opened.length + i) % ports.length] as number),
    );
    await Promise.all(next.map((connection) => connection.opened()));
    opened.push(...next);
  }
  return opened;
}

export async function runPlan(plan: LoadPlan): Promise<LoadReport> {
  const connections = await openConnections(plan);
  const cpuBefore = process.cpuUsage();
  const durationMs = plan.warmUpMs + plan.measureMs;
  const startMs = now();
  const untilMs = startMs + durationMs;
  const tally = new Tally(startMs + plan.warmUpMs, untilMs);
  const { perSecond } = plan;
  const send = sendingOf(plan);
  const loop =
    perSecond === undefined
      ? closedLoop(connections, tally, send, untilMs)
      : openLoop(connections, tally, send, new Schedule(startMs, durationMs, perSecond));
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
