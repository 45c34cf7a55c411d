/** What each value does to what stands around the store: who observes, Istio, who may talk to whom. */
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { cases } from '../src/cases.ts';
import { helmIsThere, render, root } from './chart.ts';

const read = (file: string): string => readFileSync(join(root, file), 'utf8');

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

  it('is sent traces, or somebody else is', () => {
    const endpoint = (values: object) =>
      render(values).env('Deployment', 'driftless-gateway').OTEL_EXPORTER_OTLP_ENDPOINT;
    expect(endpoint({})).toBe('http://driftless-otel-collector:4318');
    expect(endpoint(cases['observed, with secrets and links'] as object)).toBe('https://traces.example.org');
    expect(endpoint({ observability: { mode: 'operator' } })).toBeUndefined();
    const { ports } = render().get('Service', 'driftless-otel-collector').spec;
    expect(ports.map(({ port }: { port: number }) => port)).toContain(4318);
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
