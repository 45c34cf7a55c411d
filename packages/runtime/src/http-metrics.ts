/**
 * What an HTTP server tells of its requests: how many, how long, with which status, how many bytes. Labelled
 * by the route's pattern: the raw path would make a time series of every key in the store.
 *
 * Bodies are counted by their told length. One that has none (a stream) counts as what its connection carried
 * since its arrival, so with its head.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { CounterSeries, HistogramSeries } from './kept.ts';
import { DURATION_SECONDS_BUCKETS, type Telemetry } from './telemetry.ts';

/** Status of a request whose client left before it was answered in full; no client ever sees it. */
export const CLIENT_LEFT_STATUS = 499;

/** A request that has arrived. */
export interface Arrival {
  readonly at: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

interface RouteSeries {
  readonly duration: HistogramSeries;
  readonly received: CounterSeries;
  readonly sent: CounterSeries;
}

export class HttpMetrics {
  #inFlight = 0;
  readonly #begun = new WeakMap<IncomingMessage, Begun>();
  readonly #known = new Map<string, RouteSeries>();
  readonly #make: (method: string, route: string, status: number) => RouteSeries;

  constructor(telemetry: Telemetry) {
    const duration = telemetry.histogram('http_request_duration_seconds', {
      description:
        'From the arrival of a request to the end of its answer; status 499: the client left before',
      unit: 'seconds',
      labels: ['method', 'route', 'status'],
      buckets: DURATION_SECONDS_BUCKETS,
    });
    const received = telemetry.keptCounter('http_request_body_bytes_total', {
      description: 'Bytes of bodies that came',
      unit: 'bytes',
      labels: ['route'],
    });
    const sent = telemetry.keptCounter('http_response_body_bytes_total', {
      description: 'Bytes of bodies that went out',
      unit: 'bytes',
      labels: ['route'],
    });
    this.#make = (method, route, status) => ({
      duration: duration.at(method, route, status),
      received: received.at(route),
      sent: sent.at(route),
    });
    telemetry.gauge(
      'http_requests_in_flight',
      { description: 'Requests that have arrived and are not answered yet', unit: 'requests' },
      (observe) => observe(this.#inFlight),
    );
  }

  /** Of a route whose requests are told one by one, and not by Node's objects. */
  ofRoute(method: string, route: string): RouteMetrics {
    return new RouteMetrics(
      (status) => this.#seriesOf(method, route, status),
      (by) => {
        this.#inFlight += by;
      },
    );
  }

  /** Counts a request for as long as its response is open. */
  opened(request: IncomingMessage, response: ServerResponse): void {
    this.#inFlight += 1;
    response.once('close', () => {
      this.#inFlight -= 1;
      const begun = this.#begun.get(request);
      if (begun) this.ended(request, response, { ...begun, status: CLIENT_LEFT_STATUS });
    });
  }

  /** It goes to this route, and ends by `ended`, unless its client leaves before. */
  began(request: IncomingMessage, route: string | undefined): void {
    this.#begun.set(request, { route, from: arrivalOf(request) });
  }

  /** What is known of a request that began. */
  beganAs(request: IncomingMessage): Begun {
    return this.#begun.get(request) ?? { route: undefined, from: arrivalOf(request) };
  }

  ended(
    request: IncomingMessage,
    response: ServerResponse,
    { route = '(none)', from, status, sent }: Ended,
  ): void {
    this.#begun.delete(request);
    const series = this.#seriesOf(request.method ?? '', route, status);
    series.duration.record((performance.now() - from.at) / 1000);
    const { socket, headers } = request;
    const told = headers['content-length'] ?? (headers['transfer-encoding'] ? undefined : 0);
    series.received.add(Number(told ?? (socket.bytesRead ?? 0) - from.bytesRead));
    const length = sent ?? response.getHeader('content-length');
    series.sent.add(Number(length ?? (socket.bytesWritten ?? 0) - from.bytesWritten));
  }

  #seriesOf(method: string, route: string, status: number): RouteSeries {
    const key = `${status}${method}${route}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const series = this.#make(method, route, status);
    this.#known.set(key, series);
    return series;
  }
}

/** Tells of the requests of one method and route. */
export class RouteMetrics {
  readonly #make: (status: number) => RouteSeries;
  readonly #inFlight: (by: number) => void;
  readonly #byStatus = new Map<number, RouteSeries>();

  constructor(make: (status: number) => RouteSeries, inFlight: (by: number) => void) {
    this.#make = make;
    this.#inFlight = inFlight;
  }

  began(): void {
    this.#inFlight(1);
  }

  /** One that began: how long it took, and the bytes of its bodies. */
  ended(status: number, seconds: number, received: number, sent: number): void {
    this.#inFlight(-1);
    let series = this.#byStatus.get(status);
    if (series === undefined) {
      series = this.#make(status);
      this.#byStatus.set(status, series);
    }
    series.duration.record(seconds);
    series.received.add(received);
    series.sent.add(sent);
  }
}

export interface Begun {
  readonly route: string | undefined;
  readonly from: Arrival;
}

export interface Ended extends Begun {
  readonly status: number;
  /** Bytes of the answer's body, where they are known. */
  readonly sent?: number | undefined;
}

/** A request that is injected has no real connection. */
export function arrivalOf({ socket }: IncomingMessage): Arrival {
  const { bytesRead = 0, bytesWritten = 0 } = socket;
  return { at: performance.now(), bytesRead, bytesWritten };
}
