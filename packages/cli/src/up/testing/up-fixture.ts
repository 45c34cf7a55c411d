/** `driftless up` with small processes in place of the real ones. Its options come as JSON. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { antiEntropyPort, nodeName, type UpOptions, upOptionsSchema } from '../options.ts';
import { type Plan, type PlanInput, planCluster, processChild } from '../plan.ts';
import { StopRequest } from '../stop-request.ts';
import { up } from '../up.ts';

const entry = fileURLToPath(new URL('./child-fixture.ts', import.meta.url));
const STOP_TIMEOUT_MS = 1_500;

function plan(input: PlanInput): Plan {
  const { options, layout } = input;
  const env = planCluster(input).gateway.env;
  const child = (name: string, port: number) => {
    return { ...processChild({ name, entry, port, layout, env }), stopTimeoutMs: STOP_TIMEOUT_MS };
  };
  const nodes = input.shape.nodes.map((number) => child(nodeName(number), options.nodePort + number - 1));
  return {
    natsServer: child('nats-server', options.natsPort),
    nodes,
    gateway: child('gateway-1', options.gatewayPort),
    antiEntropy: child('anti-entropy-1', antiEntropyPort(options)),
  };
}

const options: UpOptions = upOptionsSchema.parse(JSON.parse(process.argv[2] ?? '{}'));
const stop = new StopRequest();
for (const signal of ['SIGTERM', 'SIGINT'] as const)
  process.on(signal, () => void stop.request(performance.now()));
const say = (line: string): void => void process.stdout.write(`${line}\n`);
// The binary only has to say its version: what is run in its place is a fixture, too.
const env = { ...process.env, NATS_SERVER_BIN: join(import.meta.dirname, 'fake-nats-server.sh') };
try {
  await up(options, { env, say, stop, plan });
} catch (error) {
  say(`failed: ${(error as Error).message} | ${(error as { hint?: string }).hint ?? ''}`);
  process.exit(1);
}
process.exit(0);
