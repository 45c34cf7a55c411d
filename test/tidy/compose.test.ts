/**
 * The image and the Compose stack, read: that they name what exists, agree with the code and with each
 * other, and give away no more than they must. That they work is tried with an engine, by `npm run
 * compose:smoke`.
 */
import { existsSync, globSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import {
  compose,
  datasources,
  hostsIn,
  hostsOfShared,
  namesOf,
  read,
  root,
  type Service,
  scraped,
  sourceOf,
} from './compose-files.ts';

const services = Object.entries(compose.services);
const names = new Set(services.flatMap(namesOf));
const ours = services.filter(([, { image }]) => image.includes('driftless'));
const manifest = JSON.parse(read('package.json')) as {
  version: string;
  workspaces: string[];
  optionalDependencies: Record<string, string>;
};

const [, pinnedNats] = /NATS_SERVER_VERSION = '(.+)'/.exec(read('packages/cli/src/nats/version.ts')) ?? [];

/** The generated page says what each process reads, and the port that it listens on by itself. */
const [, ...sections] = read('docs/configuration.md').split('\n## ');
const portIn = (title: string): number => {
  const section = sections.find((text) => text.startsWith(title)) ?? '';
  return Number(/`DRIFTLESS_PORT` +\| (\d+)/.exec(section)?.[1]);
};
const ports: Record<string, number> = {
  gateway: portIn('Gateway'),
  'store-node': portIn('Store node'),
  'anti-entropy': portIn('Anti-entropy'),
};

describe('the Compose stack', () => {
  it('is read: the store, and what observes it', () => {
    expect(services.filter(([, { profiles }]) => profiles.length === 0).length).toBeGreaterThan(9);
    expect(services.filter(([, { profiles }]) => profiles.includes('observe')).length).toBeGreaterThan(6);
  });

  it('mounts what exists', () => {
    const sources = services.flatMap(([, { volumes }]) => volumes.map(sourceOf));
    const files = sources.filter((source) => /^\.\.?\//.test(source) && source !== './secrets');
    expect(files.filter((source) => !existsSync(join(root, 'compose', source)))).toEqual([]);
    const volumes = sources.filter((source) => /^[a-z]/.test(source));
    expect([...new Set(volumes)].sort()).toEqual(Object.keys(compose.volumes).sort());
  });

  it('pins every image, and ours and that of NATS to the versions of the code', () => {
    const loose = services.filter(([, { image }]) => !/:v?\d+\.\d+\.\d+[^:]*$/.test(image));
    expect(loose.map(([, { image }]) => image)).toEqual([]);
    expect(new Set(ours.map(([, { image }]) => image))).toEqual(
      new Set([`\${DRIFTLESS_IMAGE:-driftless:${manifest.version}}`]),
    );
    const nats = services.filter(([, { image }]) => image.startsWith('nats:')).map(([, { image }]) => image);
    expect(new Set(nats)).toEqual(new Set([`nats:${pinnedNats}-alpine`]));
  });

  const isHardened = ({ read_only: readOnly, cap_drop: dropped }: Service): boolean =>
    readOnly && dropped.includes('ALL');
  it('runs nothing as root, on a writable root or without limits, but what hands over volumes', () => {
    const rest = services.filter(([name]) => name !== 'volume-owner');
    expect(rest.filter(([, service]) => !isHardened(service)).map(([name]) => name)).toEqual([]);
    expect(rest.filter(([, { deploy }]) => deploy === undefined).map(([name]) => name)).toEqual([]);
    // Our image says itself who runs it.
    const others = rest.filter(([, { image }]) => !image.includes('driftless'));
    expect(others.filter(([, { user }]) => user === undefined || /^(0|root)\b/.test(user))).toEqual([]);
    expect(read('Dockerfile')).toMatch(/^USER 10001:10001$/m);
  });

  it('publishes on the loopback address only', () => {
    const open = services
      .flatMap(([, service]) => service.ports)
      .filter((port) => !port.startsWith('127.0.0.1:'));
    expect(open).toEqual([]);
  });

  it('sets no variable that no process reads', () => {
    const known = sections.flatMap((text) =>
      [...text.matchAll(/^\| `((?:DRIFTLESS|OTEL)_\w+)`/gm)].map(([, name]) => name),
    );
    const set = ours.flatMap(([, { environment }]) => Object.keys(environment));
    expect(set.length).toBeGreaterThan(10);
    expect(set.filter((name) => !known.includes(name))).toEqual([]);
  });
});

describe('what stands around the store', () => {
  it('Prometheus scrapes every process of ours, at its port, under the job of its kind', () => {
    const wanted = ours.map(([host, { command }]) => {
      const job = command[0] ?? '';
      return { job, host, port: ports[job] };
    });
    const kinds = Object.keys(ports);
    const found = scraped().filter(({ job }) => kinds.includes(job));
    const byHost = (a: { host: string }, b: { host: string }): number => (a.host < b.host ? -1 : 1);
    expect(found.sort(byHost)).toEqual(wanted.sort(byHost));
  });

  it('names only services that are there', () => {
    const hosts = [
      ...scraped().map(({ host }) => host),
      ...hostsOfShared(),
      ...ours.flatMap(([, { environment }]) => hostsIn(String(environment.DRIFTLESS_NATS_URL), 4222)),
    ];
    expect(hosts.length).toBeGreaterThan(20);
    expect(hosts.filter((host) => !names.has(host))).toEqual([]);
  });

  it('gives Grafana its datasources under the names that dashboards use', () => {
    expect(datasources().map(({ uid }) => uid)).toEqual(['prometheus', 'tempo']);
  });

  it('opens Grafana with a dashboard that is there', () => {
    const { environment = {}, volumes = [] } = compose.services.grafana ?? {};
    const home = String(environment.GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH);
    const mount = volumes.find((volume) => home.startsWith(`${volume.split(':')[1]}/`)) ?? '';
    expect(existsSync(join(root, 'compose', sourceOf(mount), basename(home))), home).toBe(true);
  });

  it('has no YAML that cannot be read', () => {
    const files = globSync('compose/**/*.yaml', { cwd: root });
    expect(files.length).toBeGreaterThan(5);
    for (const file of files) expect(() => parse(read(file), { merge: true }), file).not.toThrow();
  });
});
