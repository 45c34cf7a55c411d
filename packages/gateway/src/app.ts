/**
 * The gateway as an HTTP application, apart from listening: public routes over a store.
 *
 * The runtime's server brings health, metrics, problems and the OpenAPI page; the routes here are in a room
 * of their own, where bodies are bytes and admission is bounded.
 */
import { requestBytesMax } from '@driftless/contracts';
import {
  createHttpServer,
  type HttpServer,
  type Logger,
  type Telemetry,
  type Tracing,
} from '@driftless/runtime';
import type { Canary } from './canary.ts';
import type { GatewayConfig } from './config.ts';
import { Admission } from './core/admission.ts';
import { notReadyReason } from './core/routing.ts';
import type { Store } from './hop/store.ts';
import { serveAdmin } from './http/admin.ts';
import { type Api, hearRefusedBodiesOut, limitInFlight, takeBodiesAsBytes } from './http/api.ts';
import { serveBatch } from './http/batch.ts';
import { type ClusterInfo, serveCluster } from './http/cluster.ts';
import { hotCounterRoutes, serveCounters } from './http/counters.ts';
import { serveData } from './http/data.ts';
import { serveHealing } from './http/healing.ts';
import { hotKeyRoutes, serveKeys } from './http/keys.ts';
import { serveListing } from './http/listing.ts';
import { serveMembers } from './http/members.ts';
import { plainRequests } from './http/plain.ts';
import { gatewayProblem } from './http/problem.ts';
import type { Sessions } from './http/sessions.ts';
import { traceRequests } from './http/traces.ts';
import { serveWatch } from './http/watch.ts';
import type { FindAntiEntropy } from './nats/anti-entropy.ts';
import type { GatewayGauges, GatewayTelemetry } from './telemetry.ts';
import { WatchHub } from './watch/hub.ts';

export interface AppParts {
  config: GatewayConfig;
  logger: Logger;
  telemetry: Telemetry;
  instruments: GatewayTelemetry;
  store: Store;
  canary: Canary;
  sessions: Sessions;
  info: ClusterInfo;
  findAntiEntropy: FindAntiEntropy;
  /** Undefined where tracing is off. */
  tracing?: Tracing | undefined;
}

const openapi = {
  title: 'Driftless',
  version: '1.0.0',
  description:
    'An eventually consistent key-value store that knows, and shows, how consistent it is. Every answer ' +
    'says which replica gave it, where that replica stands, and how far behind it is.',
};

export async function createApp({
  config,
  logger,
  telemetry,
  instruments,
  store,
  canary,
  sessions,
  info,
  findAntiEntropy,
  tracing,
}: AppParts): Promise<HttpServer> {
  const admission = new Admission({ requestsMax: config.inFlightMax, bytesMax: config.inFlightBytesMax });
  const onShed = (): void => instruments.shed('requests');
  const parts = { store, sessions };
  const listings = new Admission({ requestsMax: config.listInFlightMax, bytesMax: 0 });
  const app = await createHttpServer({
    logger,
    telemetry,
    bodyLimit: requestBytesMax,
    ready: () => {
      const noKey = sessions.key === undefined ? 'The key of session tokens is not known yet.' : undefined;
      const reason = notReadyReason(store.routing.state) ?? noKey;
      return { ok: reason === undefined, reason };
    },
    toProblem: gatewayProblem,
    openapi,
    plain: plainRequests([...hotKeyRoutes(parts), ...hotCounterRoutes(parts)], {
      admission,
      tracing,
      onShed,
    }),
  });
  await app.register(async (api: Api) => {
    takeBodiesAsBytes(api);
    hearRefusedBodiesOut(api);
    if (tracing !== undefined) traceRequests(api, tracing);
    limitInFlight(api, admission, onShed);
    serveKeys(api, store, sessions);
    serveListing(api, parts, listings, () => instruments.shed('listings'));
    serveBatch(api, store, sessions);
    serveCounters(api, store, sessions);
    serveData(api, store, sessions);
    serveCluster(api, store, info);
    serveAdmin(api, store);
    serveMembers(api, store);
    serveHealing(api, store, findAntiEntropy, config);
  });
  const hub = new WatchHub(config, store.routing, instruments, logger);
  // A room of its own: a watch is bounded by the number of watchers, not by that of requests.
  await app.register(async (api: Api) => serveWatch(api, store, hub));
  instruments.observe(gaugesOf(store, admission, hub, canary));
  return app;
}

const circuitStates = { closed: 0, 'half-open': 1, open: 2 };

function gaugesOf(store: Store, admission: Admission, hub: WatchHub, canary: Canary): GatewayGauges {
  const { routing, directory } = store;
  return {
    requestsInFlight: () => admission.requests,
    bodyBytesInFlight: () => admission.bytes,
    waiting: () => store.waiting(),
    circuits: () =>
      [...routing.state.nodes.keys()].map((node) => ({
        node,
        state: circuitStates[directory.circuitOf(node)],
      })),
    nodes: () => {
      const nodes = [...routing.state.nodes.values()];
      return { alive: nodes.filter((node) => node.alive).length, known: nodes.length };
    },
    shardsWithoutLeader: () => routing.state.routes.filter((route) => route.leader === undefined).length,
    watchers: () => hub.size,
    watchBufferBytes: () => hub.bufferBytes,
    canariesSeen: () => canary.seen(),
  };
}
