/** What each value does to the store and to NATS: what tests of all objects can't know. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cases } from '../src/cases.ts';
import { helmIsThere, render, root, template } from './chart.ts';

const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const ids = (count: number): string => Array.from({ length: count }, (_, i) => `driftless-node-${i}`).join();

describe.skipIf(!helmIsThere)('nodes', () => {
  it('are the members that the cluster began with, whatever their number becomes', () => {
    const members = (values: object) => render(values).env('StatefulSet', 'driftless-node').DRIFTLESS_MEMBERS;
    expect(members({})).toBe(ids(3));
    expect(members({ nodes: { replicas: 5 } })).toBe(ids(3));
    expect(members({ nodes: { replicas: 5, founders: 5 } })).toBe(ids(5));
    const scaled = render({ nodes: { replicas: 5 } }).get('StatefulSet', 'driftless-node');
    expect(scaled.spec.replicas).toBe(5);
  });

  it('cannot be fewer than the cluster begins with; later they can', () => {
    const values = { nodes: { replicas: 2 } };
    expect(template(values).stderr).toContain('a cluster of 2 nodes cannot begin with 3');
    expect(template(values, ['--is-upgrade']).status).toBe(0);
  });

  it('have a name that they keep, and that others reach them by before they are ready', () => {
    const env = render().env('StatefulSet', 'driftless-node');
    expect(env.DRIFTLESS_NODE_ID).toContain('metadata.name');
    expect(env.DRIFTLESS_ADVERTISE_URL).toBe('http://$(DRIFTLESS_NODE_ID).driftless-node.store.svc:7101');
    const { spec } = render().get('Service', 'driftless-node');
    expect(spec).toMatchObject({ clusterIP: 'None', publishNotReadyAddresses: true });
  });

  it('start side by side, are spread, keep their volumes', () => {
    const { spec } = render().get('StatefulSet', 'driftless-node');
    expect(spec.podManagementPolicy).toBe('Parallel');
    expect(spec.persistentVolumeClaimRetentionPolicy).toEqual({
      whenDeleted: 'Retain',
      whenScaled: 'Retain',
    });
    const spread = spec.template.spec.topologySpreadConstraints as { topologyKey: string }[];
    expect(spread.map(({ topologyKey }) => topologyKey)).toEqual([
      'kubernetes.io/hostname',
      'topology.kubernetes.io/zone',
    ]);
  });

  it('leave before they are fewer: a hook keeps those that stay', () => {
    const job = render({ nodes: { replicas: 3 } }, ['--is-upgrade']).get('Job', 'driftless-scale-in');
    expect(job.metadata.annotations?.['helm.sh/hook']).toBe('pre-upgrade,pre-rollback');
    const [container] = job.spec.template.spec.containers;
    expect(container.args).toEqual(['members', 'keep', ...ids(3).split(',')]);
    expect(container.env[0].value).toBe('http://driftless-gateway:8080');
    expect(render({ nodes: { leaveOnScaleIn: false } }).ofKind('Job')).toEqual([]);
  });
});

describe.skipIf(!helmIsThere)('probes', () => {
  const probes = (kind: string, name: string) => {
    const [container] = render().get(kind, name).spec.template.spec.containers;
    const { startupProbe, readinessProbe, livenessProbe } = container;
    return [startupProbe, readinessProbe, livenessProbe].map((probe) => probe?.httpGet.path);
  };

  it('of nodes: ready when they have caught up, too', () => {
    expect(probes('StatefulSet', 'driftless-node')).toEqual(['/livez', '/node/v1/caught-up', '/livez']);
    expect(read('packages/store-node/src/http/app.ts')).toContain("'/node/v1/caught-up'");
  });

  it.each([
    ['Deployment', 'driftless-gateway'],
    ['Deployment', 'driftless-anti-entropy'],
  ])(
    'of %s/%s: started and sane by /livez, which knows nothing of NATS; serving by /readyz',
    (kind, name) => {
      expect(probes(kind, name)).toEqual(['/livez', '/readyz', '/livez']);
    },
  );

  it('leave more time to stop than a process gives itself to drain', () => {
    const grace = (kind: string, name: string): number =>
      render().get(kind, name).spec.template.spec.terminationGracePeriodSeconds;
    expect(grace('StatefulSet', 'driftless-node')).toBeGreaterThan(10);
    expect(grace('Deployment', 'driftless-gateway')).toBeGreaterThan(5 + 10);
    expect(grace('Deployment', 'driftless-anti-entropy')).toBeGreaterThan(10);
  });
});

describe.skipIf(!helmIsThere)('gateways', () => {
  it('are counted by the autoscaler, or by a value, and not by both', () => {
    const replicas = (autoscaling: object) =>
      render({ gateway: { replicas: 4, autoscaling } }).get('Deployment', 'driftless-gateway').spec.replicas;
    expect(replicas({ enabled: true })).toBeUndefined();
    expect(replicas({ enabled: false })).toBe(4);
    const none = render({ gateway: { autoscaling: { enabled: false } } });
    expect(none.ofKind('HorizontalPodAutoscaler')).toEqual([]);
    expect(template({ gateway: { autoscaling: { minReplicas: 7 } } }).stderr).toContain('minReplicas');
  });

  it('are scaled by CPU, and by requests in flight where that is wanted', () => {
    const metrics = (inFlight: object) =>
      render({ gateway: { autoscaling: { inFlight } } }).get('HorizontalPodAutoscaler', 'driftless-gateway')
        .spec.metrics;
    expect(metrics({}).map(({ type }: { type: string }) => type)).toEqual(['Resource']);
    const [, pods] = metrics({ enabled: true, target: 32 });
    expect(pods.pods.metric.name).toBe('http_requests_in_flight');
    expect(pods.pods.target.averageValue).toBe('32');
    expect(read('docs/metrics.md')).toContain('`http_requests_in_flight`');
  });

  it('go on serving for a while when they are to stop, and are replaced one by one', () => {
    const { strategy, template: pod } = render().get('Deployment', 'driftless-gateway').spec;
    expect(strategy.rollingUpdate).toEqual({ maxSurge: 1, maxUnavailable: 0 });
    expect(pod.spec.containers[0].lifecycle.preStop.sleep.seconds).toBe(5);
  });

  it('take the session key of a secret, and a port of a service', () => {
    const values = cases['further variables, secrets'] as object;
    expect(render(values).env('Deployment', 'driftless-gateway').DRIFTLESS_SESSION_KEY).toContain('session');
    expect(render().env('Deployment', 'driftless-gateway').DRIFTLESS_SESSION_KEY).toBeUndefined();
    const service = render({ gateway: { service: { type: 'NodePort', nodePort: 30080, port: 80 } } });
    expect(service.get('Service', 'driftless-gateway').spec).toMatchObject({
      type: 'NodePort',
      ports: [{ port: 80, nodePort: 30080 }],
    });
  });

  it('stand behind an ingress where that is wanted', () => {
    const values = cases['a load balancer, an ingress, scaling by requests'] as object;
    const { spec } = render(values).get('Ingress', 'driftless-gateway');
    expect(spec).toMatchObject({ ingressClassName: 'nginx', rules: [{ host: 'kv.example.org' }] });
    expect(render().ofKind('Ingress')).toEqual([]);
  });
});

describe.skipIf(!helmIsThere)('anti-entropy', () => {
  it('goes on, comes by the clock, or is not there', () => {
    expect(render().has('Deployment', 'driftless-anti-entropy')).toBe(true);
    const scheduled = render({ antiEntropy: { mode: 'schedule', schedule: '0 3 * * *' } });
    const { schedule, concurrencyPolicy, jobTemplate } = scheduled.get(
      'CronJob',
      'driftless-anti-entropy',
    ).spec;
    expect([schedule, concurrencyPolicy]).toEqual(['0 3 * * *', 'Forbid']);
    expect(jobTemplate.spec.template.spec.containers[0].args).toEqual(['anti-entropy', '--once']);
    expect(scheduled.has('Deployment', 'driftless-anti-entropy')).toBe(false);
    const none = render({ antiEntropy: { mode: 'none' } });
    const parts = none.all.map(({ metadata }) => metadata.labels?.['app.kubernetes.io/component']);
    expect(parts.filter((part) => part === 'anti-entropy')).toEqual([]);
  });
});

describe.skipIf(!helmIsThere)('NATS', () => {
  const natsUrl = (values: object): string | undefined =>
    render(values).env('StatefulSet', 'driftless-node').DRIFTLESS_NATS_URL;

  it('is a cluster of its own, each server by its name', () => {
    expect(natsUrl({})?.split(',')).toEqual(
      [0, 1, 2].map((i) => `nats://driftless-nats-${i}.driftless-nats.store.svc:4222`),
    );
    const config = render().get('ConfigMap', 'driftless-nats').data['nats.conf'];
    expect(config.match(/nats:\/\/driftless-nats-\d\.driftless-nats\.store\.svc:6222/g)).toHaveLength(3);
    expect(config).toContain('sync_interval: always');
    expect(config).not.toContain('authorization');
  });

  it('has as many copies of streams as servers let it have', () => {
    const copies = (values: object) =>
      ['StatefulSet/driftless-node', 'Deployment/driftless-anti-entropy'].map(
        (of) => render(values).env(...(of.split('/') as [string, string])).DRIFTLESS_STREAM_REPLICAS,
      );
    expect(copies({})).toEqual(['3', '3']);
    expect(copies({ nats: { replicas: 1 } })).toEqual(['1', '1']);
    expect(copies({ nats: { enabled: false, external: { url: 'nats://a', streamReplicas: 5 } } })).toEqual([
      '5',
      '5',
    ]);
  });

  it('asks for what a secret holds, and our processes give it', () => {
    const values = { nats: { authSecret: 'auth' } };
    expect(natsUrl(values)).toContain('nats://$(NATS_USER):$(NATS_PASSWORD)@driftless-nats-0.');
    expect(render(values).get('ConfigMap', 'driftless-nats').data['nats.conf']).toContain('$NATS_PASSWORD');
  });

  it('is elsewhere, and then nothing of it is here', () => {
    expect(natsUrl(cases['NATS elsewhere, by URL'] as object)).toBe('nats://nats.nats:4222');
    expect(natsUrl(cases['NATS elsewhere, by a secret'] as object)).toContain('"name":"nats"');
    const { all } = render(cases['NATS elsewhere, by URL']);
    const parts = all.map(({ metadata }) => metadata.labels?.['app.kubernetes.io/component'] ?? '');
    expect(parts.filter((part) => part.startsWith('nats'))).toEqual([]);
    expect(template({ nats: { enabled: false } }).stderr).toContain('nats.external.url');
  });

  it('is shown credentials and a certificate, out of secrets', () => {
    const all = render(cases['NATS elsewhere, with credentials and TLS']);
    const owners = [
      'StatefulSet/driftless-node',
      'Deployment/driftless-gateway',
      'CronJob/driftless-anti-entropy',
    ];
    for (const owner of owners) {
      expect(all.env(...(owner.split('/') as [string, string])), owner).toMatchObject({
        DRIFTLESS_NATS_URL: 'tls://nats.nats:4222',
        DRIFTLESS_NATS_CREDS: '/etc/driftless/nats-credentials/user.creds',
        DRIFTLESS_NATS_CA: '/etc/driftless/nats-tls/ca.crt',
        DRIFTLESS_NATS_CERT: '/etc/driftless/nats-tls/tls.crt',
        DRIFTLESS_NATS_KEY: '/etc/driftless/nats-tls/tls.key',
      });
      const pod = all.pods.find(({ of }) => of === owner);
      expect(pod?.spec.containers[0]?.volumeMounts).toContainEqual({
        name: 'nats-tls',
        mountPath: '/etc/driftless/nats-tls',
        readOnly: true,
      });
    }
  });

  it('says what it speaks, for it speaks first', () => {
    const { ports } = render().get('Service', 'driftless-nats').spec;
    const kinds = Object.fromEntries(
      ports.map(({ port, appProtocol }: { port: number; appProtocol: string }) => [port, appProtocol]),
    );
    expect(kinds).toEqual({ 4222: 'tcp', 6222: 'tcp', 8222: 'http' });
  });
});

describe.skipIf(!helmIsThere)('the test of the release', () => {
  it('asks the gateway, with a bound on lag', () => {
    const { metadata, spec } = render({ test: { lagMsMax: 250 } }).get('Pod', 'driftless-test');
    expect(metadata.annotations?.['helm.sh/hook']).toBe('test');
    expect(spec.containers[0].args).toEqual(['check', '--lag-ms-max', '250', '--timeout', '60']);
  });
});
