/** The kinds that Istio and the Prometheus operator bring, out of their Go modules. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { goModule } from '@driftless/cli';
import { waitUntil } from '@driftless/runtime';
import { parseAllDocuments } from 'yaml';
import { istioApiVersion, prometheusOperatorVersion } from '../tools.ts';
import type { Api, KubeObject } from './api.ts';

const served = ['networking.istio.io/v1', 'monitoring.coreos.com/v1'];

export async function installCustomKinds(api: Api, say: (line: string) => void): Promise<void> {
  const { env } = process;
  const istio = await goModule('istio.io/api', istioApiVersion, env);
  const operator = await goModule(
    'github.com/prometheus-operator/prometheus-operator',
    prometheusOperatorVersion,
    env,
  );
  const folder = join(operator, 'example/prometheus-operator-crd');
  const files = [
    join(istio, 'kubernetes/customresourcedefinitions.gen.yaml'),
    ...readdirSync(folder).map((name) => join(folder, name)),
  ];
  const kinds = files
    .flatMap((file) => parseAllDocuments(readFileSync(file, 'utf8')))
    .map((document) => document.toJS() as KubeObject | null)
    .filter((object) => object?.kind === 'CustomResourceDefinition') as KubeObject[];
  for (const kind of kinds) {
    const { status, body } = await api.create(kind);
    if (status !== 201) throw new Error(`${kind.metadata.name}: ${body.message}`);
  }
  const isServed = async (): Promise<boolean> => {
    const answers = await Promise.all(served.map((group) => api.call('GET', `/apis/${group}`)));
    return answers.every(({ status }) => status === 200);
  };
  await waitUntil(isServed, { timeoutMs: 30_000, intervalMs: 250, what: 'the new kinds to be served' });
  say(`✓ ${kinds.length} kinds of Istio ${istioApiVersion} and the operator ${prometheusOperatorVersion}`);
}
