/** The life of a release on the API server: installed, larger, smaller, back, removed. */
import { waitUntil } from '@driftless/runtime';
import type { Api } from './api.ts';
import { chart, type HelmResult, runHelm } from './helm.ts';

const namespace = 'driftless';
const settleMs = 60_000;

export async function tryRelease(
  api: Api,
  helm: string,
  kubeconfig: string,
  say: (line: string) => void,
): Promise<string[]> {
  const problems: string[] = [];
  const run = (what: string, args: readonly string[], values?: object): HelmResult => {
    const result = runHelm(helm, [...args, '--namespace', namespace], {
      values,
      env: { KUBECONFIG: kubeconfig },
    });
    if (result.status !== 0 || result.stderr !== '') problems.push(`${what}: ${result.stderr}`);
    else say(`✓ ${what}`);
    return result;
  };
  const podsAre = (what: string, wanted: Record<string, number>): Promise<void> =>
    podsBecome(api, wanted).then(
      () => say(`✓ ${what}`),
      (error: Error) => void problems.push(`${what}: ${error.message}`),
    );
  const upgrade = ['upgrade', 'driftless', chart];

  const policy = {
    'pod-security.kubernetes.io/enforce': 'restricted',
    'pod-security.kubernetes.io/warn': 'restricted',
  };
  await api.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels: policy } });
  run('install --dry-run=server', ['install', 'driftless', chart, '--dry-run=server']);
  run('install', ['install', 'driftless', chart]);
  const first = { 'store-node': 3, nats: 3, gateway: 2, 'anti-entropy': 1, prometheus: 1, grafana: 1 };
  await podsAre('the pods of all parts are made, and admitted under "restricted"', first);
  run('upgrade: five nodes, the mesh, the autoscaler off', upgrade, {
    nodes: { replicas: 5 },
    gateway: { replicas: 4, autoscaling: { enabled: false } },
    istio: { enabled: true, faults: { byHeader: true } },
  });
  await podsAre('five nodes and four gateways are made', { 'store-node': 5, gateway: 4 });
  problems.push(
    ...hookProblems(
      run('upgrade --dry-run=server: three nodes', [...upgrade, '--dry-run=server'], {
        nodes: { replicas: 3 },
      }),
      true,
    ),
  );
  run('upgrade: an operator observes', upgrade, {
    nodes: { replicas: 5 },
    observability: { mode: 'operator' },
  });
  await podsAre('what observed is away', { 'store-node': 5, prometheus: 0, grafana: 0, tempo: 0 });
  const same = run('upgrade --dry-run=server: five nodes as before', [...upgrade, '--dry-run=server'], {
    nodes: { replicas: 5 },
  });
  problems.push(...hookProblems(same, false));
  // Its hook needs pods that run: whoever goes without it has to give the order by hand.
  run('rollback to the first, without hooks', ['rollback', 'driftless', '1', '--no-hooks']);
  await podsAre('three nodes are left', { 'store-node': 3, nats: 3 });
  run('uninstall', ['uninstall', 'driftless']);
  problems.push(...(await leftovers(api, say)));
  return problems;
}

function hookProblems({ stdout }: HelmResult, wanted: boolean): string[] {
  const has = stdout.includes('helm.sh/hook: pre-upgrade');
  return has === wanted ? [] : [`the hook that lets nodes leave is ${has ? '' : 'not '}there`];
}

/** Pods by component; other components may have any number. */
async function podsBecome(api: Api, wanted: Record<string, number>): Promise<void> {
  let seen = '';
  const areThere = async (): Promise<boolean> => {
    const pods = (await api.list('v1', 'Pod', namespace)).filter(
      ({ metadata }) => !('deletionTimestamp' in metadata),
    );
    const counts = Object.keys(wanted).map(
      (part) =>
        pods.filter(({ metadata }) => metadata.labels?.['app.kubernetes.io/component'] === part).length,
    );
    seen = counts.join();
    return seen === Object.values(wanted).join();
  };
  await waitUntil(areThere, {
    timeoutMs: settleMs,
    intervalMs: 250,
    what: `pods of ${Object.keys(wanted).join()}`,
  }).catch((error: Error) => {
    throw new Error(`${error.message}; there are ${seen}`);
  });
}

const lastingKinds: [apiVersion: string, kind: string][] = [
  ['apps/v1', 'StatefulSet'],
  ['apps/v1', 'Deployment'],
  ['batch/v1', 'Job'],
  ['v1', 'Service'],
  ['v1', 'ConfigMap'],
  ['v1', 'Secret'],
  ['v1', 'ServiceAccount'],
  ['v1', 'Pod'],
  ['policy/v1', 'PodDisruptionBudget'],
  ['networking.k8s.io/v1', 'NetworkPolicy'],
  ['autoscaling/v2', 'HorizontalPodAutoscaler'],
  ['rbac.authorization.k8s.io/v1', 'Role'],
  ['rbac.authorization.k8s.io/v1', 'RoleBinding'],
  ['networking.istio.io/v1', 'VirtualService'],
  ['monitoring.coreos.com/v1', 'PrometheusRule'],
];
/** What every namespace has. */
const ofTheNamespace = ['ConfigMap/kube-root-ca.crt', 'ServiceAccount/default'];

/** Nothing but volumes may be there after the release is removed. */
async function leftovers(api: Api, say: (line: string) => void): Promise<string[]> {
  let left: string[] = [];
  const isGone = async (): Promise<boolean> => {
    const lists = await Promise.all(
      lastingKinds.map(async ([apiVersion, kind]) =>
        (await api.list(apiVersion, kind, namespace)).map(({ metadata }) => `${kind}/${metadata.name}`),
      ),
    );
    left = lists.flat().filter((name) => !ofTheNamespace.includes(name));
    return left.length === 0;
  };
  await waitUntil(isGone, { timeoutMs: settleMs, intervalMs: 250, what: 'all to be gone' }).catch(
    () => undefined,
  );
  if (left.length > 0) return [`left behind: ${left.join(', ')}`];
  const claims = await api.list('v1', 'PersistentVolumeClaim', namespace);
  say(`✓ nothing is left but ${claims.length} claims on volumes`);
  return claims.length >= 6 ? [] : [`only ${claims.length} claims are left: data is lost`];
}
