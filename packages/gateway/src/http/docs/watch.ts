/** What the OpenAPI document says of `GET /v1/watch`. */
import { documented, type Operation, parameter, problems, schema } from './operation.ts';

const get: Operation = {
  operationId: 'watchKeys',
  summary: 'Watch changes as they are committed',
  description:
    'Server-Sent Events. `ready` comes first; then a `put` or `delete` for each change that JetStream ' +
    'has confirmed, each exactly once, the changes of a key in the order of its versions. The order ' +
    'between keys of different shards is not promised. The `id` of an event is a resume token: sent ' +
    'back as `Last-Event-ID` (or `after`) to any gateway, the watch goes on right behind that event, ' +
    'across failovers. Without one it begins now. `data` of a change is a `WatchedChange`. Comments ' +
    'keep the connection open, and an `id` alone moves the resume token on. A watch that can’t go on ' +
    'ends with `error`, whose `data` is a `Problem`: `watch-too-slow` (reconnect with the token) or ' +
    '`watch-expired` (the history is not kept so far back: list, and begin anew). A value that expires ' +
    'is not a change.',
  tags: ['keys'],
  parameters: [parameter('Prefix'), parameter('After'), parameter('LastEventId')],
  responses: {
    200: {
      description: 'The stream',
      content: {
        'text/event-stream': {
          schema: { type: 'string', description: 'Events whose `data` is a `WatchedChange`', ...example() },
        },
      },
    },
    ...problems('invalid-parameter', 'replica-unavailable'),
  },
};

function example(): object {
  const data = { key: 'user/1', version: '3-120', contentType: 'application/json', value: { name: 'Ada' } };
  const text = JSON.stringify({ ...data, shard: 2, committedAt: '2026-01-31T12:00:00.000Z' });
  const token = '5f0c1a2b.3-77.2-9.3-120.1-4';
  return { examples: [`event: put\nid: ${token}\ndata: ${text}\n\n`], 'x-data': schema('WatchedChange') };
}

export const watchDocs = documented({ '/v1/watch': { get } });
