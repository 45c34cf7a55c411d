/** The connections to all nodes, made when first needed and made anew when a node moves to another URL. */
import type { Circuit, Hop } from './connection.ts';
import type { HopPorts } from './ports.ts';

export class NodeDirectory {
  readonly #connections = new Map<string, Hop>();
  readonly #urlOf: (node: string) => string | undefined;
  readonly #connect: HopPorts['connect'];

  constructor(urlOf: (node: string) => string | undefined, connect: HopPorts['connect']) {
    this.#urlOf = urlOf;
    this.#connect = connect;
  }

  /** The connection to a node; undefined when nobody knows where it is. */
  to(node: string): Hop | undefined {
    const url = this.#urlOf(node);
    if (url === undefined) return undefined;
    const present = this.#connections.get(node);
    if (present?.url === url) return present;
    void present?.close();
    const connection = this.#connect(node, url);
    this.#connections.set(node, connection);
    return connection;
  }

  circuitOf(node: string): Circuit {
    return this.#connections.get(node)?.circuit ?? 'closed';
  }

  async close(): Promise<void> {
    await Promise.all([...this.#connections.values()].map((connection) => connection.close()));
  }
}
