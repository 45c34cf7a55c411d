/** The process's own routes: what it does, and rounds on demand (contracts/src/anti-entropy.ts). */
import {
  type AntiEntropyView,
  antiEntropyViewSchema,
  runAnswerSchema,
  runBodySchema,
} from '@driftless/contracts';
import type { HttpServer } from '@driftless/runtime';
import type { Healer } from './healer.ts';

/** `healing`: throws `replica-unavailable` while the process is starting. */
export function addRoutes(app: HttpServer, healing: () => Healer, view: () => AntiEntropyView): void {
  app.get('/v1/anti-entropy', { schema: { response: { 200: antiEntropyViewSchema } } }, () => view());
  const run = { body: runBodySchema, response: { 200: runAnswerSchema } };
  app.post('/v1/anti-entropy/run', { schema: run }, (request) => healing().run(request.body));
}
