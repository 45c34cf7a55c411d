/** For each checker: histories that break its promise and none other, as small as they can be. */
import type { CheckerName } from '../core/findings.ts';
import { Script } from './script.ts';

export type Case = [what: string, script: Script];

/** Two puts, the second durably acknowledged. */
export const twoPuts = () =>
  new Script()
    .put('k', 'a', [1, 2], { version: '1-2', node: 'n1' })
    .put('k', 'b', [3, 4], { version: '1-3', node: 'n1' });

export const wrong: Record<CheckerName, Case[]> = {
  'lost-writes': [
    [
      'all replicas hold the version before',
      twoPuts().dump('n1', { k: 'a@1-2' }, 9).dump('n2', { k: 'a@1-2' }, 9),
    ],
    ['no replica has the key', twoPuts().dump('n1', {}, 9)],
    [
      'without versions: the value was written before',
      new Script().put('k', 'a', [1, 2]).put('k', 'b', [3, 4]).dump('n1', { k: 'a@1-2' }, 9),
    ],
    ['an epoch that ended before it', twoPuts().epoch('n1', 2, 3, 'n2', 5)],
    [
      'a tombstone of before',
      new Script()
        .put('k', 'a', [1, 2], { version: '1-2' })
        .delete('k', [3, 4], { version: '1-3' })
        .put('k', 'b', [5, 6], { version: '1-4' })
        .dump('n1', { k: '@1-3' }, 9),
    ],
    [
      'an increment',
      new Script().increment('k', 0, [1, 2], { version: '1-5' }).dump('n1', { k: '0@1-4' }, 9),
    ],
  ],
  resurrections: [
    [
      'the deleted value is in the end on every replica',
      new Script()
        .put('k', 'a', [1, 2], { version: '1-2' })
        .delete('k', [3, 4], { version: '1-3' })
        .dump('n1', { k: 'a@1-2' }, 9)
        .dump('n2', { k: 'a@1-2' }, 9),
    ],
    [
      'without versions',
      new Script().put('k', 'a', [1, 2]).delete('k', [3, 4]).dump('n1', { k: 'a@1-2' }, 9),
    ],
    [
      'a node shows the value after the tombstone',
      new Script()
        .put('k', 'a', [1, 2], { version: '1-2' })
        .delete('k', [3, 4], { version: '1-3' })
        .observed('n1', 'k', '@1-3', 5)
        .observed('n1', 'k', 'a@1-2', 6),
    ],
    [
      'a replica past the delete shows the value',
      new Script()
        .put('k', 'a', [1, 2], { version: '1-2' })
        .delete('k', [3, 4], { version: '1-3' })
        .get('k', 'a', [5, 6], { version: '1-2', position: '1-4' }),
    ],
    [
      'a tombstone is removed that a member did not have',
      new Script()
        .put('k', 'a', [1, 2], { version: '1-2' })
        .delete('k', [3, 4], { version: '1-3' })
        .applied('n1', '1-3', 4)
        .applied('n2', '1-2', 4)
        .collected('1-4', ['k@1-3'], ['n1', 'n2'], 5)
        .applied('n2', '1-2', 6),
    ],
  ],
  phantoms: [
    ['a value that nobody wrote', twoPuts().get('k', 'z', [5, 6])],
    ['a value of another key', twoPuts().get('other', 'a', [5, 6])],
    ['a refused value', new Script().put('k', 'a', [1, 2], { outcome: 'fail' }).get('k', 'a', [3, 4])],
    ['a value before its put began', new Script().get('k', 'a', [1, 2]).put('k', 'a', [3, 4])],
    ['in a listing', twoPuts().list({ k: 'z' }, [5, 6])],
    ['on a node', twoPuts().observed('n1', 'k', 'z@1-9', 5)],
    ['in a dump', twoPuts().dump('n1', { k: 'z@1-9' }, 9)],
  ],
  counters: [
    [
      'an acknowledged increment is missing in the end',
      new Script()
        .increment('k', 1, [1, 2], { version: '1-2' })
        .increment('k', 2, [3, 4], { version: '1-3' })
        .dump('n1', { k: '1@1-3' }, 9),
    ],
    [
      'applied twice',
      new Script().increment('k', 1, [1, 2], { outcome: 'info' }).dump('n1', { k: '2@1-3' }, 9),
    ],
    [
      'a refused one counts',
      new Script().increment('k', 1, [1, 2], { outcome: 'fail' }).get('k', '1', [3, 4]),
    ],
    ['it counts before it began', new Script().get('k', '1', [1, 2]).increment('k', 1, [3, 4])],
    ['it is no number', new Script().increment('k', 1, [1, 2]).get('k', 'x', [3, 4])],
    [
      'below what unknown negatives may take',
      new Script()
        .increment('k', 5, [1, 2], { version: '1-2' })
        .increment('k', -2, [1, 2], { outcome: 'info' })
        .dump('n1', { k: '2@1-4' }, 9),
    ],
  ],
  linearizability: [
    ['a strong read of what was overwritten', twoPuts().get('k', 'a', [5, 6], { consistency: 'strong' })],
    ['a strong read that misses a write', twoPuts().get('k', null, [5, 6], { consistency: 'strong' })],
    [
      'two strong reads in the wrong order, of writes under way',
      new Script()
        .put('k', 'a', [1, 20])
        .put('k', 'b', [1, 20])
        .get('k', 'a', [2, 3], { consistency: 'strong' })
        .get('k', 'b', [4, 5], { consistency: 'strong' })
        .get('k', 'a', [6, 7], { consistency: 'strong' }),
    ],
    [
      'two conditional writes on one version',
      twoPuts()
        .put('k', 'c', [5, 6], { version: '1-4', ifMatch: ['1-3'] })
        .put('k', 'd', [7, 8], { version: '1-5', ifMatch: ['1-3'] }),
    ],
    [
      'a condition that held is refused',
      twoPuts().put('k', 'c', [5, 6], { ifMatch: ['1-3'], outcome: 'fail', error: 'precondition-failed' }),
    ],
    [
      'created twice',
      new Script()
        .put('k', 'a', [1, 2], { ifNoneMatch: '*', version: '1-2' })
        .put('k', 'b', [3, 4], { ifNoneMatch: '*', version: '1-3' }),
    ],
    ['a delete of nothing', new Script().delete('k', [1, 2])],
    [
      'two increments with one answer',
      new Script()
        .increment('k', 1, [1, 5], { value: '1', version: '1-2' })
        .increment('k', 1, [2, 6], { value: '1', version: '1-3' }),
    ],
    [
      'a put without an answer that comes, goes and comes back',
      new Script()
        .put('k', 'a', [1, 2])
        .put('k', 'b', [1, 2], { outcome: 'info' })
        .get('k', 'b', [3, 4], { consistency: 'strong' })
        .get('k', 'a', [5, 6], { consistency: 'strong' }),
    ],
  ],
  'read-your-writes': [
    [
      'an older value',
      twoPuts()
        .put('k', 'c', [5, 6], { session: 's', version: '1-4' })
        .get('k', 'b', [7, 8], { session: 's', version: '1-3', consistency: 'session' }),
    ],
    [
      'nothing',
      new Script()
        .put('k', 'c', [5, 6], { session: 's', version: '1-4' })
        .get('k', null, [7, 8], { session: 's', consistency: 'session' }),
    ],
    [
      'without versions',
      new Script()
        .put('k', 'a', [1, 2])
        .put('k', 'c', [5, 6], { session: 's' })
        .get('k', 'a', [7, 8], { session: 's', consistency: 'session' }),
    ],
    [
      'its own delete undone',
      new Script()
        .put('k', 'a', [1, 2], { version: '1-2' })
        .delete('k', [5, 6], { session: 's', version: '1-4' })
        .get('k', 'a', [7, 8], { session: 's', version: '1-2', consistency: 'session' }),
    ],
    [
      'another key, on a replica that lacks the write',
      new Script()
        .put('k', 'a', [1, 2], { session: 's', version: '1-2' })
        .get('other', null, [3, 4], { session: 's', position: '1-1', consistency: 'session' }),
    ],
    [
      'in a listing',
      twoPuts()
        .put('k', 'c', [5, 6], { session: 's', version: '1-4' })
        .list({ k: 'b@1-3' }, [7, 8], { session: 's', consistency: 'session' }),
    ],
  ],
  'monotonic-reads': [
    [
      'an older value than read before',
      twoPuts()
        .get('k', 'b', [5, 6], { session: 's', version: '1-3' })
        .get('k', 'a', [7, 8], { session: 's', version: '1-2', consistency: 'session' }),
    ],
    [
      'gone without a delete',
      twoPuts()
        .get('k', 'b', [5, 6], { session: 's', version: '1-3' })
        .get('k', null, [7, 8], { session: 's', consistency: 'session' }),
    ],
    [
      'back after it was seen to be gone',
      twoPuts()
        .delete('k', [5, 6], { outcome: 'info' })
        .get('k', null, [7, 8], { session: 's', position: '1-5' })
        .get('k', 'b', [9, 10], { session: 's', version: '1-3', consistency: 'session' }),
    ],
    [
      'another key, on a replica that lacks what was read',
      twoPuts()
        .get('k', 'b', [5, 6], { session: 's', version: '1-3' })
        .get('other', null, [7, 8], { session: 's', position: '1-2', consistency: 'session' }),
    ],
  ],
  'monotonic-writes': [
    [
      'ordered the other way',
      new Script()
        .put('k', 'a', [1, 2], { session: 's', version: '1-3' })
        .put('k', 'b', [3, 4], { session: 's', version: '1-2' }),
    ],
    [
      'of two keys of a shard',
      new Script()
        .put('k', 'a', [1, 2], { session: 's', version: '1-3' })
        .put('l', 'b', [3, 4], { session: 's', version: '1-2' }),
    ],
  ],
  'writes-follow-reads': [
    [
      'ordered before what was read',
      new Script()
        .put('k', 'a', [1, 2], { version: '1-3' })
        .get('k', 'a', [3, 4], { session: 's', version: '1-3' })
        .put('k', 'b', [5, 6], { session: 's', version: '1-2' }),
    ],
  ],
  positions: [
    ['older than its position', twoPuts().get('k', 'a', [5, 6], { version: '1-2', position: '1-3' })],
    ['newer than its position', twoPuts().get('k', 'b', [5, 6], { version: '1-3', position: '1-2' })],
    ['nothing, past a write', twoPuts().get('k', null, [5, 6], { position: '1-3' })],
    ['a write ahead of its replica', new Script().put('k', 'a', [1, 2], { version: '1-3', position: '1-2' })],
  ],
  'node-versions': [
    ['a row goes back', twoPuts().observed('n1', 'k', 'b@1-3', 5).observed('n1', 'k', 'a@1-2', 6)],
    [
      'two reads of one node',
      twoPuts()
        .get('k', 'b', [5, 6], { version: '1-3', node: 'n2' })
        .get('k', 'a', [7, 8], { version: '1-2', node: 'n2' }),
    ],
    ['a position goes back', new Script().applied('n1', '1-9', 1).applied('n1', '1-8', 2)],
    [
      'a final row of before',
      twoPuts()
        .observed('n1', 'k', 'c@1-4', 5)
        .put('k', 'c', [3, 4], { outcome: 'info' })
        .dump('n1', { k: 'b@1-3' }, 9),
    ],
  ],
  'single-writer': [
    ['two nodes serve writes of an epoch', twoPuts().put('l', 'c', [5, 6], { version: '1-4', node: 'n2' })],
    ['two leaders are told of', new Script().epoch('n1', 2, 7, 'n1').epoch('n2', 2, 7, 'n2')],
    ['two beginnings are told of', new Script().epoch('n1', 2, 7, 'n1').epoch('n2', 2, 8, 'n1')],
    ['an epoch begins before the one before', new Script().epoch('n1', 2, 7, 'n1').epoch('n1', 3, 7, 'n2')],
    ['another leads than serves', twoPuts().epoch('n3', 1, 1, 'n3')],
    [
      'a write before the epoch began',
      new Script().epoch('n1', 1, 5, 'n1').put('k', 'a', [1, 2], { version: '1-4' }),
    ],
    ['one version for two keys', twoPuts().put('l', 'c', [5, 6], { version: '1-3' })],
    ['one version for two values', twoPuts().get('k', 'a', [5, 6], { version: '1-3' })],
    ['a put that was applied twice', twoPuts().get('k', 'b', [5, 6], { version: '1-7' })],
    ['a gap in a log', new Script().log('n1', 1, 1, 4).log('n1', 1, 6, 6)],
    ['an overlap in a log', new Script().log('n1', 1, 1, 4).log('n1', 1, 4, 6)],
    ['a log goes back in epochs', new Script().log('n1', 2, 1, 4).log('n1', 1, 5, 6)],
    ['logs differ in content', new Script().log('n1', 1, 1, 4, 'x').log('n2', 1, 1, 4, 'y')],
    ['logs differ in extent', new Script().log('n1', 1, 1, 4).log('n2', 1, 1, 3)],
  ],
  convergence: [
    ['one replica lags', twoPuts().dump('n1', { k: 'b@1-3' }, 9).dump('n2', { k: 'a@1-2' }, 9)],
    ['one replica lacks a row', twoPuts().dump('n1', { k: 'b@1-3' }, 9).dump('n2', {}, 9)],
    [
      'equal rows at other positions',
      new Script().dump('n1', {}, 9, { position: '1-3' }).dump('n2', {}, 9, { position: '1-4' }),
    ],
    ['other roots', new Script().dump('n1', {}, 9, { root: 'x' }).dump('n2', {}, 9, { root: 'y' })],
  ],
};
