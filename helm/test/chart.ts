/** The chart, rendered by the real helm, as objects. */
import { join } from 'node:path';
import { inject } from 'vitest';
import type { KubeObject } from '../src/cluster/api.ts';
import { chart, type HelmResult, objectsOf, runHelm } from '../src/cluster/helm.ts';

export const root = join(import.meta.dirname, '../..');
export const helmIsThere = inject('helm') !== '';
export { chart, type KubeObject, objectsOf };

/** `values` are handed over as a file would be. */
export function helm(args: readonly string[], values?: object): HelmResult {
  return runHelm(inject('helm'), args, { values });
}

/** The release is called `driftless`, in the namespace `store`, unless the arguments say otherwise. */
export function template(values: object = {}, args: readonly string[] = []): HelmResult {
  return helm(['template', 'driftless', chart, '--namespace', 'store', ...args], values);
}

const renderings = new Map<string, Rendered>();

/** All objects of a rendering that has to go well. Many tests look at the same. */
export function render(values: object = {}, args: readonly string[] = []): Rendered {
  const key = JSON.stringify([values, args]);
  const known = renderings.get(key);
  if (known) return known;
  const { status, stdout, stderr } = template(values, args);
  if (status !== 0) throw new Error(stderr);
  const rendered = new Rendered(objectsOf(stdout));
  renderings.set(key, rendered);
  return rendered;
}

export class Rendered {
  readonly all: readonly KubeObject[];

  constructor(all: readonly KubeObject[]) {
    this.all = all;
  }

  ofKind(kind: string): KubeObject[] {
    return this.all.filter((object) => object.kind === kind);
  }

  has(kind: string, name: string): boolean {
    return this.ofKind(kind).some(({ metadata }) => metadata.name === name);
  }

  get(kind: string, name: string): KubeObject {
    const found = this.ofKind(kind).filter(({ metadata }) => metadata.name === name);
    if (found.length !== 1 || !found[0]) throw new Error(`there are ${found.length} ${kind} called ${name}`);
    return found[0];
  }

  /** Pod specs with what they belong to: `StatefulSet/driftless-node`. */
  get pods(): { of: string; spec: PodSpec; labels: Record<string, string> }[] {
    return this.all.flatMap(({ kind, metadata, spec }) => {
      const of = `${kind}/${metadata.name}`;
      if (kind === 'Pod') return [{ of, spec, labels: metadata.labels ?? {} }];
      const template = kind === 'CronJob' ? spec.jobTemplate.spec.template : spec?.template;
      return template?.spec ? [{ of, spec: template.spec, labels: template.metadata.labels }] : [];
    });
  }

  /** Of the first container; a value that is not written down is `from …`. */
  env(kind: string, name: string): Record<string, string> {
    const pod = this.pods.find(({ of }) => of === `${kind}/${name}`);
    const env: EnvVar[] = pod?.spec.containers[0]?.env ?? [];
    return Object.fromEntries(
      env.map(({ name: variable, value, valueFrom }) => [
        variable,
        value ?? `from ${JSON.stringify(valueFrom)}`,
      ]),
    );
  }
}

interface EnvVar {
  name: string;
  value?: string;
  valueFrom?: unknown;
}

export interface PodSpec {
  containers: KubeContainer[];
  initContainers?: KubeContainer[];
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  [field: string]: any;
}

export interface KubeContainer {
  name: string;
  image: string;
  args?: string[];
  env?: EnvVar[];
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  [field: string]: any;
}
