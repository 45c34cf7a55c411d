/** Every object of every switch, made on the API server strictly, and not kept. */
import { cases } from '../cases.ts';
import type { Api, KubeObject } from './api.ts';
import { chart, objectsOf, runHelm } from './helm.ts';

/** Problems: sentences for people. A warning of the API server is one. */
export async function judgeCases(api: Api, helm: string, say: (line: string) => void): Promise<string[]> {
  const namespace = 'store';
  await api.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  const problems: string[] = [];
  let count = 0;
  for (const [name, values] of Object.entries(cases)) {
    const args = ['template', 'driftless', chart, '--namespace', namespace];
    const { status, stdout, stderr } = runHelm(helm, args, { values });
    if (status !== 0) problems.push(`${name}: ${stderr}`);
    for (const object of status === 0 ? objectsOf(stdout) : []) {
      const answer = await withAccount(api, object, () => api.create(object, { dryRun: true }));
      count += 1;
      const what = `${name}: ${object.kind}/${object.metadata.name}`;
      if (answer.status !== 201) problems.push(`${what}: ${answer.status} ${answer.body.message}`);
      problems.push(...answer.warnings.map((warning) => `${what}: ${warning}`));
    }
  }
  say(`✓ ${count} objects of ${Object.keys(cases).length} sets of values were tried strictly`);
  return problems;
}

/** A pod is only taken where its account is there, which otherwise is one of the objects. */
async function withAccount<T>(
  api: Api,
  { kind, metadata, spec }: KubeObject,
  body: () => Promise<T>,
): Promise<T> {
  const { namespace } = metadata;
  if (kind !== 'Pod' || namespace === undefined) return body();
  const account = {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: spec.serviceAccountName, namespace },
  };
  await api.create(account);
  try {
    return await body();
  } finally {
    const collection = await api.collectionOf('v1', 'ServiceAccount', namespace);
    await api.call('DELETE', `${collection}/${spec.serviceAccountName}`);
  }
}
