/** Each switch of the chart, on and off, as values: what they render is judged by objects.test.ts. */

export const cases: Record<string, object> = {
  'as it is': {},
  'a cluster of one of each': {
    nodes: { replicas: 1, founders: 1 },
    gateway: { replicas: 1, autoscaling: { enabled: false } },
    nats: { replicas: 1 },
  },
  'five nodes, names of its own': {
    fullnameOverride: 'kv',
    nameOverride: 'kv',
    nodes: { replicas: 5, maxUnavailable: 1, leaveOnScaleIn: false },
    cluster: { name: 'other', shards: 16, replicationFactor: 5 },
  },
  'an image from elsewhere': {
    image: { repository: 'registry.example.org/driftless', tag: '1.2.3', pullPolicy: 'Always' },
    imagePullSecrets: [{ name: 'registry' }],
    serviceAccount: { create: false, name: 'mine' },
  },
  'placed by the operator': Object.fromEntries(
    ['nodes', 'gateway', 'antiEntropy', 'nats'].map((part) => [
      part,
      {
        pod: {
          annotations: { 'example.org/note': part },
          labels: { team: 'storage' },
          nodeSelector: { disk: 'fast' },
          tolerations: [{ key: 'only', operator: 'Exists', effect: 'NoSchedule' }],
          affinity: { nodeAffinity: {} },
          priorityClassName: 'high',
        },
      },
    ]),
  ),
  'volumes of a class, deleted with the release': {
    nodes: { storage: { size: '50Gi', className: 'fast', whenDeleted: 'Delete', whenScaled: 'Delete' } },
    nats: { storage: { size: '20Gi', className: 'fast', whenDeleted: 'Delete' } },
  },
  'further variables, secrets': {
    nodes: { env: { DRIFTLESS_LEASE_TTL_MS: '2000' }, spread: { hosts: 'DoNotSchedule' } },
    gateway: { env: { DRIFTLESS_IN_FLIGHT_MAX: '64' }, sessionKeySecret: { name: 'session' } },
    antiEntropy: { env: { DRIFTLESS_ROUNDS_MAX: '1' } },
    nats: { authSecret: 'nats-auth' },
  },
  'a load balancer, an ingress, scaling by requests': {
    gateway: {
      service: { type: 'LoadBalancer', nodePort: 30080, annotations: { 'example.org/lb': 'internal' } },
      autoscaling: { inFlight: { enabled: true } },
      preStopSeconds: 0,
    },
    ingress: { enabled: true, className: 'nginx', host: 'kv.example.org', tlsSecret: 'kv-tls' },
  },
  'an ingress for any host': { ingress: { enabled: true, annotations: { 'example.org/timeout': '0' } } },
  'anti-entropy by schedule': { antiEntropy: { mode: 'schedule' } },
  'no anti-entropy': { antiEntropy: { mode: 'none' } },
  'NATS elsewhere, by URL': { nats: { enabled: false, external: { url: 'nats://nats.nats:4222' } } },
  'NATS elsewhere, by a secret': { nats: { enabled: false, external: { urlSecret: { name: 'nats' } } } },
  'NATS elsewhere, with credentials and TLS': {
    nats: {
      enabled: false,
      external: {
        url: 'tls://nats.nats:4222',
        credentialsSecret: { name: 'nats-user', key: 'user.creds' },
        tls: { secret: 'nats-certificates', clientCertificate: true },
      },
    },
    antiEntropy: { mode: 'schedule' },
  },
  'nothing observes': { observability: { mode: 'none' } },
  'an operator observes': {
    observability: {
      mode: 'operator',
      operator: { labels: { release: 'kube-prometheus-stack' }, interval: '15s' },
    },
    networkPolicies: { scrapers: [{ namespaceSelector: { matchLabels: { name: 'monitoring' } } }] },
  },
  'observed, with secrets and links': {
    observability: {
      grafanaUrl: 'https://grafana.example.org',
      traces: { url: 'https://traces.example.org', part: 1 },
      docsUrl: 'https://docs.example.org',
      grafana: { adminSecret: 'grafana' },
      alertmanager: { secret: 'alerts', configMap: 'my-alertmanager' },
    },
  },
  'in a mesh': { istio: { enabled: true } },
  'in a mesh, with TLS and faults': {
    istio: {
      enabled: true,
      gateway: { hosts: ['kv.example.org'], tlsSecret: 'kv-tls' },
      faults: { everybody: true, byHeader: true, errorPercent: 12.5 },
      locality: false,
    },
  },
  'no policies, no budgets': { networkPolicies: { enabled: false }, disruptionBudgets: { enabled: false } },
  'known clients only': {
    networkPolicies: { clients: [{ podSelector: { matchLabels: { client: 'yes' } } }] },
  },
};
