/** The API server, as the checks talk to it: strictly, and with an ear for its warnings. */
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import type { ControlPlane } from './processes.ts';

export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
  };
  // biome-ignore lint/suspicious/noExplicitAny: of any kind.
  [field: string]: any;
}

export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: of any kind.
  readonly body: any;
  readonly warnings: readonly string[];
}

interface Resource {
  readonly name: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

export class Api {
  readonly #plane: ControlPlane;
  readonly #resources = new Map<string, Resource[]>();

  constructor(plane: ControlPlane) {
    this.#plane = plane;
  }

  /** Rejects when nobody answers; every answer is data. */
  call(method: string, path: string, body?: object): Promise<Answer> {
    const { url, token, certificate } = this.#plane;
    const headers = {
      authorization: `Bearer ${token}`,
      ...(body && {
        'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
      }),
    };
    return new Promise((resolve, reject) => {
      const options = {
        method,
        headers,
        ca: readFileSync(certificate),
        checkServerIdentity: () => undefined,
      };
      const sent = request(new URL(path, url), options, (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('error', reject);
        answer.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          const warnings = [answer.headers.warning ?? []].flat();
          resolve({ status: answer.statusCode ?? 0, body: jsonOf(text), warnings });
        });
      });
      sent.on('error', reject);
      sent.end(body && JSON.stringify(body));
    });
  }

  /** Where objects of that kind are made: `/apis/apps/v1/namespaces/store/statefulsets`. */
  async collectionOf(apiVersion: string, kind: string, namespace?: string): Promise<string> {
    const group = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const known =
      this.#resources.get(group) ?? ((await this.call('GET', group)).body.resources as Resource[]);
    this.#resources.set(group, known);
    const resource = known.find((one) => one.kind === kind && !one.name.includes('/'));
    if (resource === undefined) throw new Error(`the API server knows no ${kind} in ${apiVersion}`);
    const scope = resource.namespaced && namespace ? `/namespaces/${namespace}` : '';
    return `${group}${scope}/${resource.name}`;
  }

  /** Unknown and doubled fields are errors; `dryRun`: all is checked, nothing is kept. */
  async create(object: KubeObject, { dryRun = false } = {}): Promise<Answer> {
    const { apiVersion, kind, metadata } = object;
    const collection = await this.collectionOf(apiVersion, kind, metadata.namespace);
    return this.call('POST', `${collection}?fieldValidation=Strict${dryRun ? '&dryRun=All' : ''}`, object);
  }

  async list(apiVersion: string, kind: string, namespace: string): Promise<KubeObject[]> {
    return (await this.call('GET', await this.collectionOf(apiVersion, kind, namespace))).body.items ?? [];
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
