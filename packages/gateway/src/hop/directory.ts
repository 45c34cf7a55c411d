/** The connections to all nodes, made when first needed and made anew when a node moves to another URL. */
import type { GatewayTelemetry } from '../telemetry.ts';
import { type Circuit, type ConnectionOptions, NodeConnection } from './connection.ts';

export class NodeDirectory {
  readonly #connections = new Map<string, NodeConnection>();
  readonly #urlOf: (node: string) => string | undefined;
  readonly #options: ConnectionOptions;
  readonly #telemetry: GatewayTelemetry;

  constructor(
    urlOf: (node: string) => string | undefined,
    options: ConnectionOptions,
    telemetry: GatewayTelemetry,
  ) {
    this.#urlOf = urlOf;
    this.#options = options;
    this.#telemetry = telemetry;
  }

  /** The connection to a node; undefined when nobody knows where it is. */
  to(node: string): NodeConnection | undefined {
    const url = this.#urlOf(node);
    if (url === undefined) return undefined;
    const present = this.#connections.get(node);
    if (present?.url === url) return present;
    void present?.close();
    const connection = new NodeConnection(node, url, this.#options, this.#telemetry);
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
