/** Configuration of tracing, by OpenTelemetry's own variables: `OTEL_…`. */
import { z } from 'zod';
import { loadConfig } from '../config.ts';

/** What the variables begin with. */
export const TRACING_PREFIX = 'OTEL_';

const endpoint = z.url({ protocol: /^https?$/, message: 'a URL that begins with http:// or https://' });

export const tracingConfigSchema = z.object({
  exporterOtlpEndpoint: endpoint
    .optional()
    .describe('Where spans are sent, at the path `/v1/traces`, by OTLP over HTTP; unset: nothing is traced'),
  exporterOtlpTracesEndpoint: endpoint
    .optional()
    .describe('The same for spans alone, with its whole path; wins over the one above'),
  exporterOtlpProtocol: z
    .literal('http/json')
    .default('http/json')
    .describe('How spans are sent; receivers of OTLP over HTTP take it at the same port as protobuf'),
  tracesSampler: z
    .literal('parentbased_traceidratio')
    .default('parentbased_traceidratio')
    .describe('Who decides: the caller by its `traceparent`, else chance'),
  tracesSamplerArg: z
    .number()
    .min(0)
    .max(1)
    .default(0.01)
    .describe('Part of requests, and of rounds of anti-entropy, that is traced where no caller decides'),
  serviceName: z
    .string()
    .min(1)
    .max(255)
    .optional()
    .describe('`service.name` of all spans; default: the kind of process, as `gateway`'),
  sdkDisabled: z.boolean().default(false).describe('Nothing is traced, whatever else is set'),
});

export interface TracingConfig {
  /** Where spans go; undefined: nothing is traced. */
  url: string | undefined;
  ratio: number;
  serviceName: string | undefined;
}

/** Throws `ConfigError` that names the variable. */
export function loadTracingConfig(env: Readonly<Record<string, string | undefined>>): TracingConfig {
  const config = loadConfig(tracingConfigSchema, { env, prefix: TRACING_PREFIX });
  const { exporterOtlpEndpoint: base, exporterOtlpTracesEndpoint: whole } = config;
  const url = whole ?? (base && `${base.replace(/\/+$/, '')}/v1/traces`);
  return {
    url: config.sdkDisabled ? undefined : url,
    ratio: config.tracesSamplerArg,
    serviceName: config.serviceName,
  };
}
