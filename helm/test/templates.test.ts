/** What each value does: the parts that tests of all objects can't know. */
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
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

describe.skipIf(!helmIsThere)('what observes', () => {
  const rules = globSync('alerts/rules/*.yaml', { cwd: root });
  const boards = globSync('dashboards/json/*.json', { cwd: root });

  it('has the rules and the dashboards of the repository, byte by byte', () => {
    const all = render();
    const { data } = all.get('ConfigMap', 'driftless-rules');
    expect(Object.keys(data).sort()).toEqual(rules.map((rule) => basename(rule)).sort());
    for (const rule of rules) expect(data[basename(rule)], rule).toBe(read(rule));
    for (const board of boards) {
      const name = `driftless-board-${basename(board, '.json')}`;
      expect(all.get('ConfigMap', name).data[basename(board)]).toBe(read(board));
    }
    const config = all.get('ConfigMap', 'driftless-alertmanager').data['alertmanager.yaml'];
    expect(config).toBe(read('alerts/alertmanager.yaml'));
  });

  it('gives the operator the same rules, and a Grafana that is there the same dashboards', () => {
    const all = render(cases['an operator observes']);
    for (const rule of rules) {
      const object = all.get('PrometheusRule', `driftless-${basename(rule, '.yaml')}`);
      expect(object.spec).toEqual(parse(read(rule)));
      expect(object.metadata.labels?.release).toBe('kube-prometheus-stack');
    }
    const found = all
      .ofKind('ConfigMap')
      .filter(({ metadata }) => metadata.labels?.grafana_dashboard === '1');
    expect(found).toHaveLength(boards.length);
    expect(all.ofKind('Deployment').map(({ metadata }) => metadata.name)).not.toContain('driftless-grafana');
    const [endpoint] = all.get('ServiceMonitor', 'driftless').spec.endpoints;
    expect(endpoint).toMatchObject({ port: 'http', interval: '15s' });
  });

  it('names the jobs as alerts know them, and reaches all services by the port `http`', () => {
    const all = render(cases['an operator observes']);
    const { selector, jobLabel } = all.get('ServiceMonitor', 'driftless').spec;
    const scraped = all.ofKind('Service').filter(({ metadata, spec }) => {
      const has = Object.entries(selector.matchLabels).every(
        ([key, value]) => metadata.labels?.[key] === value,
      );
      return has && spec.ports.some(({ name }: { name: string }) => name === 'http');
    });
    const jobs = scraped.map(({ metadata }) => metadata.labels?.[jobLabel]).sort();
    expect(jobs).toEqual(['anti-entropy', 'gateway', 'nats-exporter', 'store-node']);
  });

  it('reaches its own parts by their names here', () => {
    const all = render();
    const sources = parse(all.get('ConfigMap', 'driftless-grafana-sources').data['datasources.yaml']);
    const urls = sources.datasources.map(({ url }: { url: string }) => url);
    expect(urls).toEqual(['http://driftless-prometheus:9090', 'http://driftless-tempo:3200']);
    const collector = parse(all.get('ConfigMap', 'driftless-otel-collector').data['collector.yaml']);
    expect(collector.exporters['otlp/tempo'].endpoint).toBe('driftless-tempo:4317');
    const prometheus = parse(all.get('ConfigMap', 'driftless-prometheus').data['prometheus.yaml']);
    const [{ targets }] = prometheus.alerting.alertmanagers[0].static_configs;
    expect(targets).toEqual(['driftless-alertmanager:9093']);
    const named = [...urls, ...targets, collector.exporters['otlp/tempo'].endpoint].map(
      (url: string) => /driftless-[a-z-]+/.exec(url)?.[0],
    );
    expect(named.filter((name) => !all.has('Service', name ?? ''))).toEqual([]);
  });

  it('knows no secrets but by name, and links to where the operator says', () => {
    const all = render(cases['observed, with secrets and links']);
    expect(all.env('Deployment', 'driftless-grafana').GF_SECURITY_ADMIN_PASSWORD).toContain('"grafana"');
    const { volumes } = all.get('StatefulSet', 'driftless-alertmanager').spec.template.spec;
    expect(volumes).toContainEqual({ name: 'secret', secret: { secretName: 'alerts' } });
    const prometheus = parse(all.get('ConfigMap', 'driftless-prometheus').data['prometheus.yaml']);
    expect(prometheus.global.external_labels).toEqual({
      grafana: 'https://grafana.example.org',
      docs: 'https://docs.example.org',
    });
    const open = render().env('Deployment', 'driftless-grafana');
    expect(open.GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION).toBe('true');
  });

  it('is away where nothing shall observe', () => {
    const names = render({ observability: { mode: 'none' } }).all.map(({ metadata }) => metadata.name);
    expect(
      names.filter((name) => /prometheus|grafana|tempo|alert|otel|board|rules|exporter/.test(name)),
    ).toEqual([]);
  });
});

describe.skipIf(!helmIsThere)('Istio', () => {
  const routes = (values: object) =>
    render({ istio: { enabled: true, ...values } }).get('VirtualService', 'driftless-gateway').spec.http;

  it('is away unless it is wanted', () => {
    const groups = render().all.map(({ apiVersion }) => apiVersion);
    expect(groups.filter((group) => group.includes('istio'))).toEqual([]);
  });

  it('harms nobody, those who ask for it, or everybody', () => {
    expect(routes({}).map(({ fault }: { fault?: object }) => fault)).toEqual([undefined]);
    const [asked, all] = routes({ faults: { byHeader: true } });
    expect(asked.match).toEqual([{ headers: { 'x-driftless-fault': { exact: 'true' } } }]);
    expect(asked.fault).toEqual({
      abort: { httpStatus: 503, percentage: { value: 10 } },
      delay: { fixedDelay: '500ms', percentage: { value: 100 } },
    });
    expect(all.fault).toBeUndefined();
    const [everybody] = routes({ faults: { everybody: true, errorPercent: 50 } });
    expect(everybody.fault.abort.percentage.value).toBe(50);
    expect(everybody.match).toBeUndefined();
  });

  it('tries again only what was never sent', () => {
    for (const route of routes({ faults: { byHeader: true } })) {
      expect(route.retries).toEqual({ attempts: 2, retryOn: 'connect-failure,refused-stream' });
    }
  });

  it('leaves gateways out that fail, bounds connections, stays in the zone', () => {
    const all = render({ istio: { enabled: true } });
    const { trafficPolicy } = all.get('DestinationRule', 'driftless-gateway').spec;
    expect(trafficPolicy.outlierDetection).toMatchObject({ consecutive5xxErrors: 5, maxEjectionPercent: 50 });
    expect(trafficPolicy.connectionPool.tcp).toEqual({ maxConnections: 1024, connectTimeout: '2s' });
    expect(trafficPolicy.loadBalancer.localityLbSetting).toEqual({ enabled: true });
    expect(all.get('DestinationRule', 'driftless-node').spec.host).toBe(
      'driftless-node.store.svc.cluster.local',
    );
  });

  it('takes TLS of a secret', () => {
    const [server] = render(cases['in a mesh, with TLS and faults']).get('Gateway', 'driftless-gateway').spec
      .servers;
    expect(server).toMatchObject({ port: { number: 443 }, tls: { credentialName: 'kv-tls' } });
  });
});

describe.skipIf(!helmIsThere)('who may talk to whom', () => {
  const from = (part: string, port: number, values: object = {}): unknown => {
    const { ingress } = render(values).get('NetworkPolicy', `driftless-to-${part}`).spec;
    const rules = ingress.filter(({ ports }: { ports: { port: number }[] }) =>
      ports.some((one) => one.port === port),
    );
    return rules.flatMap(
      ({ from: peers }: { from?: { podSelector: { matchExpressions: { values: string[] }[] } }[] }) =>
        (peers ?? [undefined]).map((peer) => peer?.podSelector.matchExpressions?.[2]?.values ?? 'everybody'),
    );
  };

  it('nodes are for our own processes, gateways for everybody, NATS for those that use it', () => {
    expect(from('store-node', 7101)).toEqual([
      ['gateway', 'store-node', 'anti-entropy', 'test'],
      ['prometheus'],
    ]);
    expect(from('gateway', 8080)).toEqual(['everybody', ['prometheus']]);
    expect(from('nats', 4222)).toEqual([['store-node', 'gateway', 'anti-entropy']]);
    expect(from('nats', 6222)).toEqual([['nats']]);
  });

  it('gateways are for known clients where these are given, and metrics for known scrapers', () => {
    const clients = [{ podSelector: { matchLabels: { client: 'yes' } } }];
    const rules = render({ networkPolicies: { clients } }).get('NetworkPolicy', 'driftless-to-gateway').spec
      .ingress;
    expect(rules[0].from).toContainEqual(clients[0]);
    const scrapers = [{ namespaceSelector: { matchLabels: { name: 'monitoring' } } }];
    const values = { observability: { mode: 'operator' }, networkPolicies: { scrapers } };
    const { ingress } = render(values).get('NetworkPolicy', 'driftless-to-store-node').spec;
    expect(ingress[1].from).toEqual(scrapers);
  });

  it('the store reaches its own pods, the name server, and NATS where that is elsewhere', () => {
    const ports = (values: object) =>
      render(values)
        .get('NetworkPolicy', 'driftless-from-store')
        .spec.egress.flatMap((rule: { ports?: { port: number }[] }) =>
          (rule.ports ?? []).map(({ port }) => port),
        );
    expect(ports({})).toEqual([53, 53]);
    expect(ports({ nats: { enabled: false, external: { url: 'nats://a', ports: [4223] } } })).toEqual([
      53, 53, 4223,
    ]);
    expect(ports({ istio: { enabled: true } })).toEqual([53, 53, 15012]);
  });

  it('is not said where that is not wanted', () => {
    const all = render(cases['no policies, no budgets']);
    expect([...all.ofKind('NetworkPolicy'), ...all.ofKind('PodDisruptionBudget')]).toEqual([]);
    expect(render().ofKind('PodDisruptionBudget')).toHaveLength(3);
  });
});

describe.skipIf(!helmIsThere)('the test of the release', () => {
  it('asks the gateway, with a bound on lag', () => {
    const { metadata, spec } = render({ test: { lagMsMax: 250 } }).get('Pod', 'driftless-test');
    expect(metadata.annotations?.['helm.sh/hook']).toBe('test');
    expect(spec.containers[0].args).toEqual(['check', '--lag-ms-max', '250', '--timeout', '60']);
  });
});
