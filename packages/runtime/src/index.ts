/** What every Driftless process shares. This file only names what the room offers. */
export type { ConfigRow, LoadConfigOptions } from './config.ts';
export { ConfigError, describeConfig, loadConfig } from './config.ts';
export type { HttpServer, HttpServerOptions, OpenApiOptions, ReadyState } from './http-server.ts';
export { createHttpServer } from './http-server.ts';
export type { Logger, LoggerOptions, LogLevel } from './log.ts';
export { createLogger, LOG_LEVELS, redactUrl } from './log.ts';
export type { NatsLink, NatsLinkOptions, NatsLinkStatus } from './nats.ts';
export { connectNats } from './nats.ts';
export { freePort, freePortRange } from './port.ts';
export type { InvalidMember, ToProblem } from './problem.ts';
export type { ProcessContext, RunProcessOptions, StopFunction } from './process.ts';
export { runProcess } from './process.ts';
export type { RunFile } from './run-file.ts';
export { listRunFiles, readRunFile, removeRunFile, writeRunFile } from './run-file.ts';
export type { Telemetry, TelemetryOptions } from './telemetry.ts';
export { createTelemetry, DURATION_SECONDS_BUCKETS } from './telemetry.ts';
export type { WaitUntilOptions } from './wait.ts';
export { waitUntil } from './wait.ts';
