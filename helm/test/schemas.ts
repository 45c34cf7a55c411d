/**
 * The schemas of all objects that the chart makes: those of Kubernetes, of Istio and of the Prometheus
 * operator, out of their Go modules, which `go mod download` checks against Go's checksum database. A field
 * that no schema knows is an error here, as it is for an API server that is asked to be strict.
 *
 * What an API server says besides, by rules that are code, is asked of a real one: `npm run helm:cluster`.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { goModule } from '@driftless/cli';
import { Ajv, type ValidateFunction } from 'ajv';
import { parseAllDocuments } from 'yaml';
import { istioApiVersion, kubernetesVersion, prometheusOperatorVersion } from '../src/tools.ts';
import type { KubeObject } from './chart.ts';

type Schema = Record<string, unknown>;

interface Definition extends Schema {
  'x-kubernetes-group-version-kind'?: { group: string; version: string; kind: string }[];
}

interface CustomResource {
  kind: string;
  spec: {
    group: string;
    names: { kind: string };
    versions: { name: string; schema: { openAPIV3Schema: Schema } }[];
  };
}

const metadata = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';
/** What the document calls text, and JSON may have as a number too. */
const texts = [
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString',
  'io.k8s.apimachinery.pkg.api.resource.Quantity',
];

export class Schemas {
  readonly #ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false, logger: false });
  /** `apps/v1/StatefulSet` → where its schema is. */
  readonly #places = new Map<string, string>();

  static async load(): Promise<Schemas> {
    const schemas = new Schemas();
    const { env } = process;
    const kubernetes = await goModule('k8s.io/kubernetes', kubernetesVersion, env);
    schemas.#addKubernetes(readFileSync(join(kubernetes, 'api/openapi-spec/swagger.json'), 'utf8'));
    const istio = await goModule('istio.io/api', istioApiVersion, env);
    schemas.#addCustom(
      readFileSync(join(istio, 'kubernetes/customresourcedefinitions.gen.yaml'), 'utf8'),
      'Gateway|VirtualService|DestinationRule',
    );
    const operator = await goModule(
      'github.com/prometheus-operator/prometheus-operator',
      prometheusOperatorVersion,
      env,
    );
    for (const plural of ['servicemonitors', 'prometheusrules']) {
      const file = `example/prometheus-operator-crd/monitoring.coreos.com_${plural}.yaml`;
      schemas.#addCustom(readFileSync(join(operator, file), 'utf8'), '.*');
    }
    return schemas;
  }

  /** What is wrong with an object, by the schema of its kind: sentences for people. */
  problemsOf({ apiVersion, kind, ...rest }: KubeObject): string[] {
    const place = this.#places.get(`${apiVersion}/${kind}`);
    if (place === undefined) return [`there is no ${kind} in ${apiVersion}`];
    const validate = this.#ajv.getSchema(place) as ValidateFunction;
    if (validate({ apiVersion, kind, ...rest })) return [];
    return (validate.errors ?? []).map(({ instancePath, message, params }) => {
      const field = (params as { additionalProperty?: string }).additionalProperty;
      return `${instancePath} ${message}${field === undefined ? '' : `: ${field}`}`;
    });
  }

  #addKubernetes(text: string): void {
    const { definitions } = JSON.parse(text) as { definitions: Record<string, Definition> };
    for (const [name, definition] of Object.entries(definitions)) {
      for (const { group, version, kind } of definition['x-kubernetes-group-version-kind'] ?? []) {
        const apiVersion = group === '' ? version : `${group}/${version}`;
        this.#places.set(`${apiVersion}/${kind}`, `schema:/kubernetes#/definitions/${name}`);
      }
    }
    for (const name of texts) definitions[name] = { type: ['string', 'number'] };
    this.#ajv.addSchema({ $id: 'schema:/kubernetes', definitions: strict(definitions) as Schema });
  }

  #addCustom(text: string, kinds: string): void {
    const documents = parseAllDocuments(text).map((document) => document.toJS() as CustomResource);
    for (const { spec } of documents.filter(({ kind }) => kind === 'CustomResourceDefinition')) {
      const { kind } = spec.names;
      if (!new RegExp(`^(${kinds})$`).test(kind)) continue;
      for (const { name, schema } of spec.versions) {
        const known = `${spec.group}/${name}/${kind}`;
        const $id = `schema:/${known}`;
        const { properties, ...own } = schema.openAPIV3Schema as { properties: Schema };
        const always = {
          apiVersion: {},
          kind: {},
          metadata: { $ref: `schema:/kubernetes#/definitions/${metadata}` },
        };
        this.#ajv.addSchema({
          $id,
          ...(strict({ ...own, properties: { ...properties, ...always } }) as Schema),
        });
        this.#places.set(known, $id);
      }
    }
  }
}

/** The same, where an object may have the fields that are named, and no others. */
function strict(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(strict);
  if (typeof value !== 'object' || value === null) return value;
  const schema = Object.fromEntries(
    Object.entries(value)
      .filter(([name, content]) => name !== 'pattern' || !isOfGo(content))
      .map(([name, content]) => [name, strict(content)]),
  );
  const isObject = schema.type === 'object' && typeof schema.properties === 'object';
  const isOpen = 'additionalProperties' in schema || schema['x-kubernetes-preserve-unknown-fields'] === true;
  return isObject && !isOpen ? { ...schema, additionalProperties: false } : schema;
}

/** JavaScript has no such flags. (A field may be called `pattern`, too.) */
function isOfGo(pattern: unknown): boolean {
  return typeof pattern === 'string' && pattern.includes('(?i)');
}
