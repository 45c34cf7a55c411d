import { describe, expect, it } from 'vitest';
import { createLogger } from '../log.ts';
import { createTelemetry } from '../telemetry.ts';
import { loadTracingConfig } from './config.ts';
import { startTracing } from './tracing.ts';

const endpoint = 'http://collector:4318';

describe('the configuration of tracing', () => {
  it('is off without an endpoint, and one in a hundred with one', () => {
    expect(loadTracingConfig({})).toMatchObject({ url: undefined });
    expect(loadTracingConfig({ OTEL_EXPORTER_OTLP_ENDPOINT: '' })).toMatchObject({ url: undefined });
    expect(loadTracingConfig({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint })).toEqual({
      url: `${endpoint}/v1/traces`,
      ratio: 0.01,
      serviceName: undefined,
    });
  });

  it('knows the endpoint of traces alone, and the switch for all', () => {
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: `${endpoint}/`,
      OTEL_TRACES_SAMPLER_ARG: '0.5',
      OTEL_SERVICE_NAME: 'mine',
    };
    const url = `${endpoint}/v1/traces`;
    expect(loadTracingConfig(env)).toEqual({ url, ratio: 0.5, serviceName: 'mine' });
    const whole = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://elsewhere/traces' };
    expect(loadTracingConfig({ ...env, ...whole }).url).toBe('https://elsewhere/traces');
    expect(loadTracingConfig({ ...env, OTEL_SDK_DISABLED: 'true' }).url).toBeUndefined();
  });

  it.each([
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318', /a URL that begins with http/],
    ['OTEL_TRACES_SAMPLER_ARG', '2', /a number from 0 to 1/],
    ['OTEL_TRACES_SAMPLER_ARG', 'all', /a number from 0 to 1/],
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc', /http\/json/],
    ['OTEL_TRACES_SAMPLER', 'always_on', /parentbased_traceidratio/],
  ])('names %s when it is %s', (name, value, allowed) => {
    const load = (): unknown => loadTracingConfig({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, [name]: value });
    expect(load).toThrow(allowed);
    expect(load).toThrow(`${name} is ${Number(value) ? value : JSON.stringify(value)}`);
  });

  it('off: there is nothing to trace with, and its counters stand at 0', async () => {
    const telemetry = createTelemetry({ service: 'gateway', instance: 'gateway-1' });
    const logger = createLogger({ process: 'gateway', instance: 'gateway-1', level: 'silent' });
    const tracing = await startTracing({ service: 'gateway', instance: 'x', env: {}, telemetry, logger });
    expect(tracing).toBeUndefined();
    expect(await telemetry.metricsText()).toMatch(/^trace_spans_lost_total\{reason="refused"\} 0$/m);
    await telemetry.shutdown();
  });
});
