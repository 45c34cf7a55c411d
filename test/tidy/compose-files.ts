/** The Compose stack as its files have it. */
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';

export const root = join(import.meta.dirname, '../..');

export function read(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}

const serviceSchema = z.object({
  image: z.string(),
  profiles: z.array(z.string()).default([]),
  user: z.string().optional(),
  read_only: z.boolean().default(false),
  cap_drop: z.array(z.string()).default([]),
  command: z.array(z.string()).default([]),
  environment: z.record(z.string(), z.union([z.string(), z.number()])).default({}),
  ports: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  networks: z.record(z.string(), z.object({ aliases: z.array(z.string()).default([]) })).default({}),
  deploy: z
    .object({ resources: z.object({ limits: z.object({ cpus: z.string(), memory: z.string() }) }) })
    .optional(),
});
export type Service = z.infer<typeof serviceSchema>;

const composeSchema = z.object({
  services: z.record(z.string(), serviceSchema),
  volumes: z.record(z.string(), z.unknown()),
});

export const compose = composeSchema.parse(parse(read('compose/compose.yaml'), { merge: true }));

/** `./nats.conf` of `./nats.conf:/etc/nats/nats.conf:ro`, with a variable's default in its place. */
export function sourceOf(mount: string): string {
  return mount.replace(/^\$\{\w+:-([^}]*)\}/, '$1').split(':')[0] ?? '';
}

/** The names by which other containers find a service. */
export function namesOf([name, { networks }]: [string, Pick<Service, 'networks'>]): string[] {
  return [name, ...Object.values(networks).flatMap(({ aliases }) => aliases)];
}

const groupsSchema = z.array(z.object({ targets: z.array(z.string()) }));
const prometheusSchema = z.object({
  scrape_configs: z.array(
    z.object({
      job_name: z.string(),
      static_configs: groupsSchema.default([]),
      file_sd_configs: z.array(z.object({ files: z.array(z.string()) })).default([]),
    }),
  ),
});

/** `job host:port` of all that is scraped; `targets`: the folder in which what varies stands. */
export function scraped(targets = 'compose/targets'): { job: string; host: string; port: number }[] {
  const { scrape_configs: jobs } = prometheusSchema.parse(parse(read('compose/prometheus.yaml')));
  return jobs.flatMap(({ job_name: job, static_configs: groups, file_sd_configs: lists }) => {
    const files = lists.flatMap((list) => list.files).map((file) => join(targets, basename(file)));
    const listed = files.flatMap((file) => groupsSchema.parse(parse(read(file))));
    return [...groups, ...listed]
      .flatMap((group) => group.targets)
      .map((target) => {
        const [host = '', port = ''] = target.split(':');
        return { job, host, port: Number(port) };
      });
  });
}

const datasourcesSchema = z.object({
  datasources: z.array(z.object({ uid: z.string(), url: z.url() })),
});

export function datasources(): { uid: string; host: string }[] {
  const file = 'compose/grafana/provisioning/datasources/datasources.yaml';
  const { datasources: all } = datasourcesSchema.parse(parse(read(file)));
  return all.map(({ uid, url }) => ({ uid, host: new URL(url).hostname }));
}

/** Hosts that the files which both stacks share name, and that must be there. */
export function hostsOfShared(): string[] {
  return [
    ...datasources().map(({ host }) => host),
    ...hostsIn(read('compose/haproxy.cfg'), 8080),
    ...hostsIn(read('compose/nats.conf'), 6222),
    ...hostsIn(read('compose/otel-collector.yaml'), 4317),
  ];
}

/** Hosts that a configuration names with this port: `nats-1` of `nats://nats-1:6222`. */
export function hostsIn(text: string, port: number): string[] {
  return [...text.matchAll(new RegExp(`([a-z][a-z0-9-]*):${port}\\b`, 'g'))].map(
    ([, host]) => host as string,
  );
}
