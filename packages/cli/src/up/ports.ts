/** Ports are tried before anything starts, so that a port in use is one clear line and not a crash loop. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { CommandError } from '../output/failure.ts';

export interface WantedPort {
  readonly port: number;
  /** Who needs it: "the gateway". */
  readonly owner: string;
  /** The option by which to change it. */
  readonly option: string;
}

export async function requireFreePorts(wanted: readonly WantedPort[]): Promise<void> {
  for (const [index, { port, owner, option }] of wanted.entries()) {
    const twin = wanted.slice(0, index).find((other) => other.port === port);
    if (twin !== undefined) {
      throw new CommandError(`${twin.owner} and ${owner} cannot both have port ${port}`, {
        hint: `change one by ${twin.option} or ${option}`,
      });
    }
    if (port > 65_535)
      throw new CommandError(`${owner} would get port ${port}, which is none`, { hint: `lower ${option}` });
    if (await isFree(port)) continue;
    throw new CommandError(`port ${port}, for ${owner}, is in use by another program`, {
      hint: `stop that program, or choose another port with ${option}`,
    });
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen({ port, host: '127.0.0.1', exclusive: true });
    await once(server, 'listening');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE' || code === 'EACCES') return false;
    throw error;
  }
  server.close();
  await once(server, 'close');
  return true;
}
