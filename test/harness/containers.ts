/**
 * A nats-server in a container, by testcontainers, with the same plan as a process: it runs on the host's
 * network, with the cluster's directory mounted, so that nothing else of a test cluster has to know.
 */
import { spawnSync } from 'node:child_process';
import { GenericContainer, getContainerRuntimeClient, type StartedTestContainer, Wait } from 'testcontainers';
import type { Part, ProcessPlan } from './process.ts';

/** Any image whose entry point is nats-server. */
export const natsImage = 'nats:2.15';

/** The reaper is a container of its own, which would have to be pulled; what we start we end. */
process.env.TESTCONTAINERS_RYUK_DISABLED = 'true';

export class NatsContainer implements Part {
  readonly name: string;
  readonly #plan: ProcessPlan;
  readonly #directory: string;
  #container: Promise<StartedTestContainer> | undefined;
  #isRunning = false;

  constructor(plan: ProcessPlan, directory: string) {
    this.name = plan.name;
    this.#plan = plan;
    this.#directory = directory;
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  start(): void {
    this.#isRunning = true;
    const known = this.#container;
    this.#container = known ? this.#startAgain(known) : this.#create();
    // Whoever waits for it next is told.
    this.#container.catch(() => undefined);
  }

  async signal(signal: NodeJS.Signals): Promise<void> {
    if (!this.#isRunning) return;
    const { handle, container } = await this.#handle();
    await handle.kill({ signal });
    if (signal === 'SIGSTOP' || signal === 'SIGCONT') return;
    await handle.wait();
    this.#isRunning = false;
    this.#container = Promise.resolve(container);
  }

  async end(): Promise<void> {
    const container = await this.#container?.catch(() => undefined);
    this.#isRunning = false;
    await container?.stop({ timeout: 0 });
  }

  output(): string {
    return `(in a container of ${natsImage})`;
  }

  #create(): Promise<StartedTestContainer> {
    const directory = this.#directory;
    return new GenericContainer(natsImage)
      .withCommand(this.#plan.args)
      .withNetworkMode('host')
      .withBindMounts([{ source: directory, target: directory, mode: 'rw' }])
      .withUser(`${process.getuid?.()}:${process.getgid?.()}`)
      .withWaitStrategy(Wait.forLogMessage(/Listening for client connections/))
      .start();
  }

  async #startAgain(known: Promise<StartedTestContainer>): Promise<StartedTestContainer> {
    const { handle, container } = await handleOf(known);
    await handle.start();
    return container;
  }

  #handle() {
    if (!this.#container) throw new Error(`${this.name} was not started`);
    return handleOf(this.#container);
  }
}

async function handleOf(starting: Promise<StartedTestContainer>) {
  const container = await starting;
  const client = await getContainerRuntimeClient();
  return { container, handle: client.container.getById(container.getId()) };
}

/** Why no nats-server can run in a container here. */
export function containersObstacle(): string | undefined {
  if (process.platform !== 'linux') return 'containers on the host’s network need Linux';
  const engine = spawnSync('docker', ['version'], { stdio: 'ignore' });
  if (engine.error || engine.status !== 0) return 'there is no container engine';
  const image = spawnSync('docker', ['image', 'inspect', natsImage], { stdio: 'ignore' });
  if (image.status === 0) return undefined;
  const pull = spawnSync('docker', ['pull', '--quiet', natsImage], { stdio: 'ignore', timeout: 120_000 });
  return pull.status === 0 ? undefined : `the image ${natsImage} is not here and cannot be pulled`;
}
