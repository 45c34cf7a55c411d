/** Every object that any values lead to: valid by its schema, restricted, reachable by what points to it. */
import { beforeAll, describe, expect, it } from 'vitest';
import { cases } from '../src/cases.ts';
import { helmIsThere, type KubeObject, type Rendered, render } from './chart.ts';
import { Schemas } from './schemas.ts';

let schemas: Schemas;
beforeAll(async () => {
  if (helmIsThere) schemas = await Schemas.load();
}, 600_000);

const of = (name: string): Rendered => render(cases[name]);

describe.skipIf(!helmIsThere).each(Object.keys(cases))('%s', (name) => {
  it('is valid by the schemas of Kubernetes, Istio and the Prometheus operator', () => {
    const problems = of(name).all.flatMap((object) =>
      schemas.problemsOf(object).map((problem) => `${object.kind}/${object.metadata.name} ${problem}`),
    );
    expect(problems).toEqual([]);
  });

  it('names no object twice, and all in the namespace of the release', () => {
    const ids = of(name).all.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
    expect(ids.filter((id, i) => ids.indexOf(id) !== i)).toEqual([]);
    expect(of(name).all.filter(({ metadata }) => metadata.namespace !== 'store')).toEqual([]);
  });

  it('runs nothing that the policy "restricted" would refuse, or that could write to its root', () => {
    const { pods } = of(name);
    expect(pods.length).toBeGreaterThan(3);
    expect(pods.flatMap(({ of: owner, spec }) => freedoms(spec).map((one) => `${owner}: ${one}`))).toEqual(
      [],
    );
  });

  it('gives a token to Prometheus only, and no variables of services to anybody', () => {
    const { pods } = of(name);
    const tokens = pods.filter(({ spec }) => spec.automountServiceAccountToken !== false);
    expect(tokens.map(({ of: owner }) => owner).filter((owner) => !owner.endsWith('-prometheus'))).toEqual(
      [],
    );
    expect(pods.filter(({ spec }) => spec.enableServiceLinks !== false)).toEqual([]);
  });

  it('asks for CPU and memory, and bounds memory, of all', () => {
    const containers = of(name).pods.flatMap(({ spec }) => spec.containers);
    const loose = containers.filter(
      ({ resources }) => !resources?.requests?.cpu || !resources.requests.memory || !resources.limits?.memory,
    );
    expect(loose.map((container) => container.name)).toEqual([]);
  });

  it('has what services, budgets, policies, autoscalers and mounts point to', () => {
    expect(danglingIn(of(name))).toEqual([]);
  });
});

/** What a pod may do that it need not. */
function freedoms({
  securityContext,
  containers,
  hostNetwork,
  hostPID,
  volumes,
}: Rendered['pods'][0]['spec']) {
  const found: string[] = [];
  if (!securityContext?.runAsNonRoot || !(securityContext.runAsUser > 0)) found.push('may be root');
  if (securityContext?.seccompProfile?.type !== 'RuntimeDefault') found.push('has no seccomp profile');
  if (hostNetwork || hostPID) found.push('is in a namespace of the host');
  for (const volume of volumes ?? []) if (volume.hostPath) found.push(`mounts ${volume.hostPath.path}`);
  for (const { name, securityContext: own } of containers) {
    if (own?.allowPrivilegeEscalation !== false) found.push(`${name} may become more`);
    if (own?.readOnlyRootFilesystem !== true) found.push(`${name} may write to its root`);
    if (own?.capabilities?.drop?.join() !== 'ALL') found.push(`${name} has capabilities`);
  }
  return found;
}

/** References that lead nowhere. Secrets and what has a name of the operator's are his. */
function danglingIn(all: Rendered): string[] {
  const found: string[] = [];
  const matches = (selector: Record<string, string>): boolean =>
    all.pods.some(({ labels }) => Object.entries(selector).every(([key, value]) => labels[key] === value));
  for (const { kind, metadata, spec } of all.all) {
    const selector = kind === 'Service' ? spec.selector : labelsOf(kind, spec);
    if (selector && !matches(selector)) found.push(`${kind}/${metadata.name} selects nothing`);
    const target = spec?.scaleTargetRef;
    if (target && !all.has(target.kind, target.name)) found.push(`${metadata.name} scales nothing`);
    if (kind === 'StatefulSet' && !all.has('Service', spec.serviceName)) {
      found.push(`${metadata.name} has no service`);
    }
  }
  for (const { of: owner, spec } of all.pods) {
    const volumes = new Map((spec.volumes ?? []).map((volume: { name: string }) => [volume.name, volume]));
    const maps = (spec.volumes ?? []).flatMap(mapsOf).filter((name: string) => name.startsWith('driftless-'));
    for (const map of maps) if (!all.has('ConfigMap', map)) found.push(`${owner} mounts no ${map}`);
    const claims = all.all.find(({ kind, metadata }) => `${kind}/${metadata.name}` === owner)?.spec
      .volumeClaimTemplates;
    const claimed = new Set((claims ?? []).map((claim: KubeObject) => claim.metadata.name));
    for (const { name } of spec.containers.flatMap(({ volumeMounts }) => volumeMounts ?? [])) {
      if (!volumes.has(name) && !claimed.has(name)) found.push(`${owner} mounts ${name}, which is not there`);
    }
  }
  return found;
}

function labelsOf(kind: string, spec: KubeObject['spec']): Record<string, string> | undefined {
  if (kind === 'PodDisruptionBudget') return spec.selector.matchLabels;
  if (kind === 'NetworkPolicy') return spec.podSelector.matchLabels;
  return undefined;
}

function mapsOf(volume: {
  configMap?: { name: string };
  projected?: { sources: { configMap: { name: string } }[] };
}): string[] {
  const projected = (volume.projected?.sources ?? []).map(({ configMap }) => configMap.name);
  return volume.configMap ? [volume.configMap.name, ...projected] : projected;
}

describe.skipIf(!helmIsThere)('the schemas', () => {
  const service = (spec: object): KubeObject => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'a' },
    spec,
  });

  it('refuse a field that there is not, a wrong type, and a kind that there is not', () => {
    expect(schemas.problemsOf(service({ ports: [{ port: 80, targetPort: 'http' }] }))).toEqual([]);
    expect(schemas.problemsOf(service({ port: 80 }))).toEqual([
      '/spec must NOT have additional properties: port',
    ]);
    expect(schemas.problemsOf(service({ ports: [{ port: '80' }] }))).toEqual([
      '/spec/ports/0/port must be integer',
    ]);
    expect(schemas.problemsOf({ ...service({}), apiVersion: 'v2' })).toEqual(['there is no Service in v2']);
  });

  it('refuse the same of what Istio and the operator add', () => {
    const rule = (trafficPolicy: object): KubeObject => ({
      apiVersion: 'networking.istio.io/v1',
      kind: 'DestinationRule',
      metadata: { name: 'a' },
      spec: { host: 'a', trafficPolicy },
    });
    expect(schemas.problemsOf(rule({ outlierDetection: { interval: '5s' } }))).toEqual([]);
    expect(schemas.problemsOf(rule({ outlierDetections: {} })).join()).toContain('outlierDetections');
    const monitor = { apiVersion: 'monitoring.coreos.com/v1', kind: 'ServiceMonitor' };
    const endpoints = [{ port: 'http', intervals: '5s' }];
    const object = { ...monitor, metadata: { name: 'a' }, spec: { selector: {}, endpoints } };
    expect(schemas.problemsOf(object).join()).toContain('intervals');
  });
});
