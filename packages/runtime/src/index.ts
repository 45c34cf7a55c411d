/** What every Driftless process shares. This file only names what the room offers. */
export type { Cells, KvCellsOptions, KvWatchOptions, Seen } from './cells.ts';
export { KvCells, Unanswered } from './cells.ts';
export { Clock, systemClock } from './clock.ts';
export { commandOptions, wholeOption } from './command-options.ts';
export type { ConfigRow, LoadConfigOptions } from './config.ts';
export { ConfigError, describeConfig, loadConfig } from './config.ts';
export type { Following } from './follow.ts';
export { bucketEntries, followStatuses } from './follow.ts';
export { HeardNodes } from './heard-nodes.ts';
export type { PlainExchange, PlainReply, PlainRequest } from './http-exchange.ts';
export { CLIENT_LEFT_STATUS, HttpMetrics } from './http-metrics.ts';
export type { HotRoute, PlainHooks, PlainOptions } from './http-plain.ts';
export type { HttpServer, HttpServerOptions, OpenApiOptions, ReadyState } from './http-server.ts';
export { createHttpServer } from './http-server.ts';
export { jsonOf } from './json.ts';
export type {
  CounterSeries,
  HistogramSeries,
  HistogramSpec,
  InstrumentSpec,
  KeptCounter,
  KeptHistogram,
  Observe,
} from './kept.ts';
export type { Logger, LoggerOptions, LogLevel } from './log.ts';
export { createLogger, LOG_LEVELS, redactUrl } from './log.ts';
export { MemoryCells } from './memory-cells.ts';
export type { NatsLink, NatsLinkOptions, NatsLinkStatus } from './nats.ts';
export { connectNats } from './nats.ts';
export { natsConfigShape, natsLinkOptions } from './nats-config.ts';
export { createNatsMetrics } from './nats-metrics.ts';
export type { NodeCall } from './node-call.ts';
export { callNode } from './node-call.ts';
export { freePort, freePortRange } from './port.ts';
export type { InvalidMember, ToProblem } from './problem.ts';
export type { ProcessContext, RunProcessOptions, StopFunction } from './process.ts';
export { runProcess } from './process.ts';
export type { RunFile } from './run-file.ts';
export { listRunFiles, readRunFile, removeRunFile, writeRunFile } from './run-file.ts';
export type { DescribedInstrument, Telemetry, TelemetryOptions } from './telemetry.ts';
export { createTelemetry, DURATION_SECONDS_BUCKETS } from './telemetry.ts';
export { loadTracingConfig, TRACING_PREFIX, tracingConfigSchema } from './tracing/config.ts';
export { countExports } from './tracing/exports.ts';
export { tellOutcome } from './tracing/outcome.ts';
export type {
  HeldSpans,
  SpanAttributes,
  TraceFields,
  TraceSpan,
  Tracing,
} from './tracing/tracing.ts';
export { startTracing } from './tracing/tracing.ts';
export type { WaitUntilOptions } from './wait.ts';
export { waitUntil } from './wait.ts';
