/** What the OpenAPI document says of the routes that every process has; the runtime serves them. */
import { json, type Operation, type Paths } from './operation.ts';

const tags = ['process'];

const livez: Operation = {
  operationId: 'livez',
  summary: 'Whether the process turns',
  tags,
  responses: { 200: { description: 'It does', content: json('Health') } },
};

const readyz: Operation = {
  operationId: 'readyz',
  summary: 'Whether the process can serve',
  tags,
  responses: {
    200: { description: 'It can', content: json('Health') },
    503: { description: 'It can’t, for this reason', content: json('Health') },
  },
};

const metrics: Operation = {
  operationId: 'metrics',
  summary: 'Metrics for Prometheus',
  tags,
  responses: {
    200: { description: 'All metrics', content: { 'text/plain': { schema: { type: 'string' } } } },
  },
};

const openapi: Operation = {
  operationId: 'openapi',
  summary: 'This document',
  tags,
  responses: {
    200: {
      description: 'An OpenAPI 3.1 document',
      content: { 'application/json': { schema: { type: 'object' } } },
    },
  },
};

export const processPaths: Paths = {
  '/livez': { get: livez },
  '/readyz': { get: readyz },
  '/metrics': { get: metrics },
  '/openapi.json': { get: openapi },
};
