/** The Compose stack from outside: `docker compose` on the repository's file, and where it publishes what. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { z } from 'zod';

const root = join(import.meta.dirname, '../..');
const file = join(root, 'compose/compose.yaml');
const commandTimeoutMs = 120_000;

/** What it printed. Throws with its last words when it fails. */
export function compose(...args: string[]): string {
  return docker('compose', '--file', file, '--profile', '*', ...args);
}

function docker(...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync('docker', args, {
    cwd: root,
    encoding: 'utf8',
    timeout: commandTimeoutMs,
  });
  if (error) throw error;
  if (status !== 0)
    throw new Error(`docker ${args.slice(-4).join(' ')}: ${stderr.trim() || `exit code ${status}`}`);
  return stdout;
}

/** Names of the services that have a running container. */
export function runningServices(): string[] {
  return compose('ps', '--services', '--status', 'running').split('\n').filter(Boolean);
}

/** `http://127.0.0.1:8080` for a service and the port inside its container. */
export function publishedUrl(service: string, port: number): string {
  return `http://${compose('port', service, String(port)).trim()}`;
}

/** The command line, as it is in the image, inside a gateway's container. */
export function driftless(gateway: string, ...args: string[]): string {
  return compose('exec', '-T', gateway, 'node', '/driftless/scripts/image/main.mjs', ...args);
}

const stateSchema = z.object({ ExitCode: z.number(), Health: z.object({ Status: z.string() }).optional() });

function stateOf(service: string): z.infer<typeof stateSchema> {
  const id = compose('ps', '--all', '--quiet', service).trim();
  return stateSchema.parse(JSON.parse(docker('inspect', '--format', '{{json .State}}', id)));
}

/** How the container of a service ended. */
export function exitCodeOf(service: string): number {
  return stateOf(service).ExitCode;
}

/**
 * What the container's own health check says: of a process of ours that it is ready, of NATS that it is up
 * to date.
 */
export function isHealthy(service: string): boolean {
  return stateOf(service).Health?.Status === 'healthy';
}

const streamsSchema = z.object({
  account_details: z.array(
    z.object({
      stream_detail: z.array(z.object({ name: z.string(), config: z.object({ num_replicas: z.number() }) })),
    }),
  ),
});

/** The copies that each stream of the NATS cluster has, by its name. */
export function streamCopies(server: string): Map<string, number> {
  const path = 'jsz?streams=true&config=true';
  const text = compose('exec', '-T', server, 'wget', '-q', '-O', '-', `http://127.0.0.1:8222/${path}`);
  const { account_details: accounts } = streamsSchema.parse(JSON.parse(text));
  const streams = accounts.flatMap(({ stream_detail }) => stream_detail);
  return new Map(streams.map(({ name, config }) => [name, config.num_replicas]));
}
