/**
 * The Swarm stack, read: that it is the Compose stack in Swarm's words. Same images, same files instead of
 * copies, every board and rule; nodes at their places; nothing that a virtual address would be needed for.
 * That it works is tried with an engine, by `npm run swarm:smoke`.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { compose, hostsOfShared, read, root, scraped, sourceOf } from './compose-files.ts';

const referenceSchema = z.object({ source: z.string(), target: z.string() });
const serviceSchema = z.object({
  image: z.string(),
  user: z.string().optional(),
  read_only: z.boolean().default(false),
  cap_drop: z.array(z.string()).default([]),
  command: z.array(z.string()).default([]),
  hostname: z.string().optional(),
  environment: z.record(z.string(), z.union([z.string(), z.number()])).default({}),
  ports: z.array(z.object({ target: z.number(), mode: z.string() })).default([]),
  volumes: z.array(z.union([z.string(), z.object({ type: z.string() })])).default([]),
  configs: z.array(referenceSchema).default([]),
  secrets: z.array(referenceSchema).default([]),
  networks: z
    .union([z.array(z.string()), z.record(z.string(), z.object({ aliases: z.array(z.string()) }))])
    .default([]),
  deploy: z.object({
    mode: z.string().default('replicated'),
    replicas: z.number().optional(),
    endpoint_mode: z.string(),
    placement: z.object({ constraints: z.array(z.string()) }).optional(),
    update_config: z.looseObject({ parallelism: z.number(), failure_action: z.string() }).optional(),
    resources: z.object({ limits: z.object({ cpus: z.string(), memory: z.string() }) }),
  }),
});
type Service = z.infer<typeof serviceSchema>;
const stackSchema = z.object({
  services: z.record(z.string(), serviceSchema),
  volumes: z.record(z.string(), z.unknown()),
  configs: z.record(z.string(), z.object({ file: z.string() })),
  secrets: z.record(z.string(), z.object({ external: z.literal(true), name: z.string() })),
});

const files = ['compose/swarm.yaml', 'compose/swarm-observe.yaml'];
const stacks = files.map((file) => stackSchema.parse(parse(read(file), { merge: true })));
const services: Record<string, Service> = Object.assign({}, ...stacks.map((stack) => stack.services));
const entries = Object.entries(services);
const configs: Record<string, { file: string }> = Object.assign({}, ...stacks.map((stack) => stack.configs));
const kept = (service: Service): string[] =>
  service.volumes.flatMap((volume) =>
    typeof volume === 'string' && !volume.startsWith('/') ? [volume] : [],
  );
const aliases = ({ networks }: Service): string[] =>
  Array.isArray(networks) ? [] : Object.values(networks).flatMap((network) => network.aliases);

describe('the Swarm stack', () => {
  it('has the images of the Compose stack', () => {
    const images = new Set(Object.values(compose.services).map(({ image }) => image));
    expect(new Set(entries.map(([, { image }]) => image))).toEqual(images);
  });

  it('has four gateways, and each node and NATS server at a place of its own', () => {
    expect(services.gateway?.deploy.replicas).toBe(4);
    for (const kind of ['node', 'nats', 'volume-owner', 'node-exporter']) {
      const places = [1, 2, 3].map((slot) => services[`${kind}-${slot}`]?.deploy.placement?.constraints);
      expect(places, kind).toEqual([1, 2, 3].map((slot) => [`node.labels.driftless.slot-${slot} == true`]));
    }
  });

  it('lets nothing that keeps data go where its volume is not', () => {
    const loose = entries.filter(([, service]) => kept(service).length > 0 && !service.deploy.placement);
    expect(loose.map(([name]) => name)).toEqual([]);
    const volumes = entries.flatMap(([, service]) => kept(service).map((volume) => sourceOf(volume)));
    const declared = stacks.flatMap((stack) => Object.keys(stack.volumes));
    expect([...new Set(volumes)].sort()).toEqual(declared.sort());
  });

  it('needs no virtual addresses', () => {
    expect(entries.filter(([, { deploy }]) => deploy.endpoint_mode !== 'dnsrr')).toEqual([]);
    expect(entries.flatMap(([, { ports }]) => ports).filter(({ mode }) => mode !== 'host')).toEqual([]);
  });

  it('updates one task at a time, and takes back what does not work', () => {
    const lasting = entries.filter(([, { deploy }]) => !deploy.mode.endsWith('-job'));
    const other = lasting.filter(
      ([
        ,
        {
          deploy: { update_config: update },
        },
      ]) => {
        return update?.parallelism !== 1 || update.failure_action !== 'rollback';
      },
    );
    expect(other.map(([name]) => name)).toEqual([]);
  });

  it('runs nothing as root, on a writable root or with capabilities, but what hands over volumes', () => {
    const rest = entries.filter(([name]) => !name.startsWith('volume-owner'));
    const soft = rest.filter(([, service]) => !service.read_only || !service.cap_drop.includes('ALL'));
    expect(soft.map(([name]) => name)).toEqual([]);
    const others = rest.filter(([, { image }]) => !image.includes('driftless'));
    expect(others.filter(([, { user }]) => user === undefined || /^(0|root)\b/.test(user))).toEqual([]);
  });

  it('has no password in it: those are secrets', () => {
    expect(services['node-1']?.environment.DRIFTLESS_NATS_URL).toBeUndefined();
    const names = stacks.flatMap((stack) => Object.keys(stack.secrets));
    const asked = entries.flatMap(([, { secrets }]) => secrets.map(({ source }) => source));
    expect([...new Set(asked)].sort()).toEqual(names.sort());
  });

  it('sets no variable that no process reads', () => {
    const known = read('docs/configuration.md').matchAll(/^\| `((?:DRIFTLESS|OTEL)_\w+)`/gm);
    const names = [...known].map(([, name]) => name);
    const set = entries
      .filter(([, { image }]) => image.includes('driftless'))
      .flatMap(([, { environment }]) => Object.keys(environment));
    expect(set.length).toBeGreaterThan(10);
    expect(set.filter((name) => !names.includes(name.replace(/_FILE$/, '')))).toEqual([]);
  });
});

describe('the files of the Swarm stack', () => {
  it('are those of the Compose stack, but for what there is more of', () => {
    const sources = new Map(Object.entries(configs).map(([name, { file }]) => [name, file]));
    const absent = [...sources.values()].filter((file) => !existsSync(join(root, 'compose', file)));
    expect(absent).toEqual([]);
    const own = [...sources.values()].filter((file) => file.includes('swarm'));
    expect(own).toEqual(['./swarm-targets/gateway.yaml', './swarm-targets/node-exporter.yaml']);
    const asked = entries.flatMap(([, service]) => service.configs.map(({ source }) => source));
    expect(new Set(asked)).toEqual(new Set(sources.keys()));
  });

  it.each([
    ['alerts/rules', 'prometheus', '/etc/prometheus/rules'],
    ['dashboards/json', 'grafana', '/etc/grafana/dashboards'],
    ['compose/swarm-targets', 'prometheus', '/etc/prometheus/targets'],
  ])('all of %s are given to %s', (folder, name, target) => {
    const given = (services[name]?.configs ?? []).filter((config) => config.target.startsWith(`${target}/`));
    const wanted = readdirSync(join(root, folder)).map((file) => `${target}/${file}`);
    expect(given.map((config) => config.target).sort()).toEqual(wanted.sort());
    for (const { source, target: path } of given) {
      expect(configs[source]?.file.split('/').at(-1)).toBe(path.split('/').at(-1));
    }
  });

  it('name only hosts that are there', () => {
    const replicas = Array.from({ length: 4 }, (_, index) => `gateway-${index + 1}`);
    expect(services.gateway?.hostname).toBe('gateway-{{.Task.Slot}}');
    const names = new Set([...entries.flatMap(([name, one]) => [name, ...aliases(one)]), ...replicas]);
    const hosts = [...hostsOfShared(), ...scraped('compose/swarm-targets').map(({ host }) => host)];
    expect(hosts.filter((host) => !names.has(host))).toEqual([]);
  });
});
