/**
 * `driftless up`: a whole cluster on this machine, in the foreground.
 *
 *   lock → stale children → ports → nats-server → nodes, gateway, anti-entropy → ready → … → drain
 *
 * All is said in single lines. What goes wrong before the cluster is ready ends the start, with what was
 * started stopped again; afterwards, children that die are started again until a signal asks for the end.
 * Prometheus and Alertmanager, with `--observe`, are started when it is ready, and it doesn't wait for them.
 */
import { mkdirSync, realpathSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { redactUrl, removeRunFile, writeRunFile } from '@driftless/runtime';
import { type NatsServer, provisionNatsServer } from '../nats/provision.ts';
import { CommandError } from '../output/failure.ts';
import { describeReady, describeReport, type Say } from './console.ts';
import { type ClusterShape, claimDataDir, settleShape, wipeDataDir } from './data-dir.ts';
import { probeJetStream } from './jetstream.ts';
import { takeLock } from './lock.ts';
import { lastLine, logPath } from './log-file.ts';
import { writeNatsConfig } from './nats-config.ts';
import { planObserve } from './observe/plan.ts';
import { describeMissing, findObserveTools, type ObserveTools } from './observe/tools.ts';
import { antiEntropyPort, type Layout, layoutOf, nodeName, type UpOptions } from './options.ts';
import { type Plan, type PlanInput, planCluster } from './plan.ts';
import { requireFreePorts, type WantedPort } from './ports.ts';
import { stopStaleChildren } from './stale.ts';
import type { StopRequest } from './stop-request.ts';
import { type ChildSpec, Supervisor } from './supervisor.ts';

export interface UpContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly say: Say;
  readonly stop: StopRequest;
  /** Which processes make a cluster. Tests have their own. */
  readonly plan?: ((input: PlanInput) => Plan) | undefined;
}

const EXTERNAL_NATS_TIMEOUT_MS = 15_000;
const READY_TIMEOUT_MS = 90_000;
const PROGRESS_INTERVAL_MS = 3_000;
const KEEP_ALIVE_INTERVAL_MS = 60_000;

/** Resolves when the cluster has been stopped. */
export async function up(options: UpOptions, context: UpContext): Promise<void> {
  mkdirSync(options.dataDir, { recursive: true });
  const layout = layoutOf(realpathSync(options.dataDir));
  claimDataDir(layout);
  const giveBack = takeLock(layout.lock);
  try {
    await stopStaleChildren(layout, context.say);
    if (options.fresh) wipeDataDir(layout);
    const shape = settleShape(layout, options);
    const tools = options.observe ? findObserveTools(context.env) : undefined;
    await requireFreePorts([...wantedPorts(options, shape, context.env), ...observePorts(options, tools)]);
    await runCluster({ options, shape, layout, context, tools });
  } finally {
    giveBack();
  }
}

interface Run {
  readonly options: UpOptions;
  readonly shape: ClusterShape;
  readonly layout: Layout;
  readonly context: UpContext;
  /** Undefined: nobody asked to observe. */
  readonly tools: ObserveTools | undefined;
}

async function runCluster({ options, shape, layout, context, tools }: Run): Promise<void> {
  const { env, say, stop } = context;
  const startedAt = performance.now();
  const nats = await chooseNats(options, env, say);
  writeNatsConfig(layout, options);
  const plan = (context.plan ?? planCluster)({ options, shape, layout, env, ...nats });
  const supervisor = new Supervisor({
    logDir: layout.log,
    restart: options.restart,
    onReport: (name, report) => say(describeReport(name, report)),
  });
  // With --no-restart all children may be dead: nothing else would keep this process waiting for its end.
  const waiting = setInterval(() => {}, KEEP_ALIVE_INTERVAL_MS);
  writeRunFile(layout.run, 'up', {
    pid: process.pid,
    startedAt: new Date().toISOString(),
    dataDir: layout.root,
  });
  let observers: readonly ChildSpec[] = [];
  try {
    if (plan.natsServer !== undefined) await startAndWait([plan.natsServer]);
    await startAndWait([...plan.nodes, plan.gateway, plan.antiEntropy]);
    if (!stop.requested) {
      const tookMs = performance.now() - startedAt;
      const described = { natsUrl: redactUrl(nats.natsUrl), nats: nats.described };
      for (const line of describeReady({ options, shape, layout, tookMs, tools, ...described })) say(line);
      if (tools !== undefined) {
        for (const line of describeMissing(tools, process.platform)) say(line);
        observers = planObserve({ options, layout, tools, env });
        // The cluster is ready without them: one that does not start is reported, and tried again.
        supervisor.start(observers);
      }
    }
    await stop.promise;
  } finally {
    await stopAll({ plan, observers, supervisor, stop, say });
    clearInterval(waiting);
    removeRunFile(layout.run, 'up', process.pid);
  }

  async function startAndWait(specs: readonly ChildSpec[]): Promise<void> {
    if (stop.requested) return;
    supervisor.start(specs);
    await waitForReady(specs, { supervisor, layout, stop, say });
  }
}

interface ChosenNats {
  readonly natsUrl: string;
  readonly natsServer: NatsServer | undefined;
  /** For people. */
  readonly described: string;
}

async function chooseNats(options: UpOptions, env: UpContext['env'], say: Say): Promise<ChosenNats> {
  const natsUrl = env.DRIFTLESS_NATS_URL;
  if (natsUrl) {
    say(`using the NATS server at ${redactUrl(natsUrl)} (DRIFTLESS_NATS_URL); starting none`);
    const version = await probeJetStream(natsUrl, AbortSignal.timeout(EXTERNAL_NATS_TIMEOUT_MS)).catch(
      (cause) => {
        throw new CommandError(`no JetStream answers at ${redactUrl(natsUrl)} (DRIFTLESS_NATS_URL)`, {
          cause,
        });
      },
    );
    return { natsUrl, natsServer: undefined, described: `nats-server ${version} (DRIFTLESS_NATS_URL)` };
  }
  const natsServer = await provisionNatsServer({ env, say });
  const described = `nats-server ${natsServer.version} (${natsServer.source})`;
  say(`starting ${described}, then the nodes, the gateway and anti-entropy`);
  return { natsUrl: `nats://127.0.0.1:${options.natsPort}`, natsServer, described };
}

function wantedPorts(options: UpOptions, shape: ClusterShape, env: UpContext['env']): WantedPort[] {
  const nats = [
    { port: options.natsPort, owner: 'nats-server', option: '--nats-port' },
    { port: options.natsMonitorPort, owner: "nats-server's monitoring", option: '--nats-monitor-port' },
  ];
  const nodes = shape.nodes.map((number) => {
    return { port: options.nodePort + number - 1, owner: nodeName(number), option: '--node-port' };
  });
  const gateway = { port: options.gatewayPort, owner: 'the gateway', option: '--gateway-port' };
  const port = antiEntropyPort(options);
  const antiEntropy = { port, owner: 'anti-entropy', option: '--anti-entropy-port' };
  return [...(env.DRIFTLESS_NATS_URL ? [] : nats), ...nodes, gateway, antiEntropy];
}

function observePorts({ prometheusPort, alertmanagerPort }: UpOptions, tools?: ObserveTools): WantedPort[] {
  const prometheus = { port: prometheusPort, owner: 'Prometheus', option: '--prometheus-port' };
  const alertmanager = { port: alertmanagerPort, owner: 'Alertmanager', option: '--alertmanager-port' };
  return [...(tools?.prometheus ? [prometheus] : []), ...(tools?.alertmanager ? [alertmanager] : [])];
}

interface Waiting {
  readonly supervisor: Supervisor;
  readonly layout: Layout;
  readonly stop: StopRequest;
  readonly say: Say;
}

/** Until all are ready or a stop is asked for. Throws when one of them won't be. */
async function waitForReady(
  specs: readonly ChildSpec[],
  { supervisor, layout, stop, say }: Waiting,
): Promise<void> {
  const names = specs.map(({ name }) => name);
  const startedAt = performance.now();
  let nextProgressAt = startedAt + PROGRESS_INTERVAL_MS;
  for (;;) {
    const waiting = supervisor.waitingFor(names);
    if (waiting.length === 0 || stop.requested) return;
    const lost = waiting.find(({ name }) => supervisor.state(name).phase === 'stopped');
    if (lost !== undefined) throw neverReady(lost.name, 'died while starting', layout);
    const now = performance.now();
    const first = waiting[0];
    if (first !== undefined && now - startedAt > READY_TIMEOUT_MS) {
      throw neverReady(
        first.name,
        `was not ready within ${READY_TIMEOUT_MS / 1000} s (waiting ${first.reason})`,
        layout,
      );
    }
    if (now >= nextProgressAt) {
      nextProgressAt = now + PROGRESS_INTERVAL_MS;
      say(`waiting for ${waiting.map(({ name, reason }) => `${name} (${reason})`).join(', ')}`);
    }
    await Promise.race([sleep(50), stop.promise]);
  }
}

function neverReady(name: string, what: string, { log }: Layout): CommandError {
  const line = lastLine(log, name);
  const last = line === undefined ? 'it logged nothing' : `its log ends with: ${line}`;
  return new CommandError(`${name} ${what}; ${last}`, { hint: `see ${logPath(log, name)}` });
}

interface Stopping extends Omit<Waiting, 'layout'> {
  readonly plan: Plan;
  readonly observers: readonly ChildSpec[];
}

/** The edge first, so that nothing new comes in; nats-server last: the nodes publish what they have. */
async function stopAll({ plan, observers, supervisor, stop, say }: Stopping): Promise<void> {
  const stages = [
    [plan.gateway, plan.antiEntropy],
    plan.nodes,
    plan.natsServer === undefined ? [] : [plan.natsServer],
    observers,
  ];
  say('stopping: gateway and anti-entropy, nodes, then nats-server (Ctrl-C again kills them at once)');
  const orderly = (async () => {
    for (const stage of stages) await supervisor.stop(stage.map(({ name }) => name));
  })();
  await Promise.race([orderly, stop.urgent.then(() => supervisor.kill())]);
  say('stopped');
}
