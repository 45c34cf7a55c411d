/** Histories that look wrong, and are fine: lost answers, lags, rollbacks, expiries, late effects. */
import { Script } from './script.ts';
import { type Case, twoPuts } from './wrong.ts';

export const fine: Case[] = [
  ['an empty one', new Script()],
  [
    'a put whose answer is missing, and is there',
    new Script().put('k', 'a', [1, Infinity]).dump('n1', { k: 'a@1-2' }, 9),
  ],
  [
    'a put whose answer is missing, and is not there',
    new Script().put('k', 'a', [1, Infinity]).dump('n1', {}, 9),
  ],
  [
    'a leader-acknowledged write that a failover took',
    new Script().put('k', 'a', [1, 2], { ack: 'leader', version: '1-2' }).dump('n1', {}, 9),
  ],
  [
    'and that came back as a new operation',
    new Script()
      .epoch('n1', 1, 1, 'n1', 0)
      .epoch('n1', 2, 3, 'n2', 5)
      .put('k', 'a', [1, 2], { ack: 'leader', version: '1-3', node: 'n1' })
      .observed('n1', 'k', 'a@1-3', 3)
      .get('k', null, [6, 7], { consistency: 'strong', position: '2-3', node: 'n2' })
      .get('k', 'a', [8, 9], { consistency: 'strong', position: '2-4', version: '2-4', node: 'n2' })
      .dump('n1', { k: 'a@2-4' }, 19),
  ],
  [
    'a retry is done anew, where an orphan of the first attempt was read',
    new Script()
      .epoch('n1', 1, 1, 'n1', 0)
      .epoch('n2', 2, 2, 'n2', 5)
      .put('k', 'a', [1, 7], { version: '2-3', node: 'n2' })
      .get('k', 'a', [2, 3], { version: '1-2', position: '1-2', node: 'n1' })
      .dump('n2', { k: 'a@2-3' }, 19),
  ],
  [
    'a put was refused, after its first attempt was read as an orphan',
    new Script()
      .epoch('n1', 1, 1, 'n1', 0)
      .epoch('n2', 2, 2, 'n2', 5)
      .put('k', 'a', [1, 7], { outcome: 'fail', error: 'precondition-failed', ifMatch: ['1-1'] })
      .get('k', 'a', [2, 3], { version: '1-2', position: '1-2', node: 'n1' })
      .dump('n2', {}, 19),
  ],
  [
    'a delete was refused, after its first attempt was read as an orphan',
    new Script()
      .epoch('n1', 1, 1, 'n1', 0)
      .epoch('n2', 2, 3, 'n2', 5)
      .put('k', 'a', [1, 2], { version: '1-2', node: 'n1' })
      .delete('k', [3, 8], { outcome: 'fail', error: 'precondition-failed', ifMatch: ['1-2'] })
      .get('k', null, [4, 5], { position: '1-3', node: 'n1' })
      .put('k', 'b', [6, 7], { version: '2-4', node: 'n2' })
      .dump('n2', { k: 'b@2-4' }, 19),
  ],
  [
    'a tombstone is removed that all members had',
    new Script()
      .put('k', 'a', [1, 2], { version: '1-2' })
      .delete('k', [3, 4], { version: '1-3' })
      .applied('n1', '1-3', 4)
      .applied('n2', '1-3', 4)
      .collected('1-4', ['k@1-3'], ['n1', 'n2'], 5)
      .applied('n1', '1-4', 6)
      .applied('n2', '1-3', 6)
      .dump('n1', {}, 9),
  ],
  [
    'a tombstone is removed that a member may have had, and one that nobody has seen yet',
    new Script()
      .applied('n2', '1-2', 4)
      .collected('1-4', ['k@1-3'], ['n1', 'n2', 'n3'], 5)
      .applied('n2', '1-4', 6)
      .applied('n3', '1-1', 6),
  ],
  [
    'a copy that does not count is behind what is removed',
    new Script().applied('n2', '1-2', 4).collected('1-4', ['k@1-3'], ['n1'], 5).applied('n2', '1-2', 6),
  ],
  [
    'a deposed leader goes back from an orphan',
    new Script()
      .epoch('n1', 1, 1, 'n1', 0)
      .epoch('n1', 2, 3, 'n2', 5)
      .put('k', 'a', [1, 2], { version: '1-2', node: 'n1' })
      .put('k', 'b', [1, 2], { outcome: 'info', version: '1-3' })
      .observed('n1', 'k', 'b@1-3', 3)
      .applied('n1', '1-3', 3)
      .observed('n1', 'k', 'a@1-2', 6)
      .applied('n1', '1-2', 6),
  ],
  [
    'an eventual read on a replica that lags',
    twoPuts().get('k', 'a', [5, 6], { version: '1-2', position: '1-2' }),
  ],
  [
    'a session that reads eventually',
    twoPuts()
      .put('k', 'c', [5, 6], { session: 's', version: '1-4' })
      .get('k', 'b', [7, 8], { session: 's', version: '1-3' }),
  ],
  [
    'a session whose write another one overwrote, and one deleted',
    twoPuts()
      .put('k', 'c', [5, 6], { session: 's', version: '1-4' })
      .delete('k', [6, 12], { version: '1-5' })
      .get('k', null, [7, 8], { session: 's', consistency: 'session', position: '1-5' })
      .put('k', 'd', [13, 14], { version: '1-6' })
      .get('k', 'd', [15, 16], { session: 's', version: '1-6', consistency: 'session', position: '1-6' }),
  ],
  [
    'a value that expired',
    new Script()
      .put('k', 'a', [1, 2], { session: 's', ttlMs: 5, version: '1-2' })
      .get('k', null, [8, 9], { session: 's', consistency: 'strong' })
      .dump('n1', {}, 20),
  ],
  [
    'a strong read during a write, either way',
    new Script()
      .put('k', 'a', [1, 10])
      .get('k', null, [2, 3], { consistency: 'strong' })
      .get('k', 'a', [4, 5], { consistency: 'strong' }),
  ],
  [
    'a put without an answer that shows much later',
    new Script()
      .put('k', 'a', [1, 2], { outcome: 'info' })
      .get('k', null, [3, 4], { consistency: 'strong' })
      .get('k', 'a', [50, 51], { consistency: 'strong' }),
  ],
  [
    'a refusal that a put without an answer explains',
    twoPuts()
      .put('k', 'c', [4, 5], { outcome: 'info' })
      .put('k', 'd', [6, 7], { ifMatch: ['1-3'], outcome: 'fail', error: 'precondition-failed' }),
  ],
  [
    'a conditional write on a version that nobody told',
    twoPuts()
      .put('k', 'c', [4, 5], { outcome: 'info' })
      .put('k', 'd', [6, 7], { ifMatch: ['1-4'], version: '1-5' })
      .get('k', 'd', [8, 9], { consistency: 'strong' }),
  ],
  [
    'a counter with increments that nobody knows of',
    new Script()
      .increment('k', 3, [1, 2], { value: '3', version: '1-2' })
      .increment('k', 2, [3, 4], { outcome: 'info' })
      .increment('k', 2, [3, 4], { outcome: 'info' })
      .increment('k', -1, [5, 6], { value: '4', version: '1-4' })
      .get('k', '6', [7, 8], { consistency: 'strong' })
      .get('k', '3', [9, 10])
      .dump('n1', { k: '6@1-5' }, 19),
  ],
  [
    'a delete of a key that was written again',
    new Script()
      .put('k', 'a', [1, 2], { version: '1-2' })
      .delete('k', [3, 4], { version: '1-3' })
      .put('k', 'b', [5, 6], { version: '1-4' })
      .observed('n1', 'k', '@1-3', 7)
      .observed('n1', 'k', 'b@1-4', 8)
      .dump('n1', { k: 'b@1-4' }, 19),
  ],
  [
    'a tombstone that was collected',
    new Script().put('k', 'a', [1, 2]).delete('k', [3, 4]).dump('n1', {}, 9),
  ],
  [
    'the same log on two nodes, one trimmed',
    new Script().log('n1', 1, 1, 4).log('n1', 2, 5, 5).log('n2', 2, 5, 5),
  ],
  [
    'versions of different shards',
    new Script(4)
      .put('a', 'x', [1, 2], { session: 's', version: '1-9' })
      .put('b', 'y', [3, 4], { session: 's', version: '1-2' }),
  ],
  ...(['a', 'b'] as const).map(
    (value): Case => [
      `a delete of one of two puts without an answer, the other (${value}) shows later`,
      new Script()
        .put('k', 'a', [1, 2], { outcome: 'info' })
        .put('k', 'b', [1, 2], { outcome: 'info' })
        .delete('k', [3, 4], { version: '1-4' })
        .get('k', value, [5, 6], { consistency: 'strong' }),
    ],
  ),
  [
    'operations that touch in time: they overlap',
    new Script().put('k', 'a', [1, 2]).put('k', 'b', [2, 3]).dump('n1', { k: 'a@1-3' }, 9),
  ],
  [
    'an older value that was rolled back and came back as the newest',
    new Script().put('k', 'a', [1, 2], { ack: 'leader' }).put('k', 'b', [3, 4]).dump('n1', { k: 'a@2-9' }, 9),
  ],
  [
    'a refusal of a version that was rolled back: its value came back under another',
    new Script()
      .put('k', 'a', [1, 2], { ack: 'leader', version: '1-2' })
      .get('k', 'a', [3, 4], { consistency: 'strong', version: '2-4' })
      .put('k', 'c', [5, 6], { ifMatch: ['1-2'], outcome: 'fail', error: 'precondition-failed' })
      .get('k', 'a', [7, 8], { consistency: 'strong', version: '2-4' }),
  ],
  [
    'a provisional refusal, by a leader that did not know yet that it was deposed',
    twoPuts()
      .put('k', 'c', [5, 6], {
        ack: 'leader',
        ifMatch: ['1-3'],
        outcome: 'fail',
        error: 'precondition-failed',
      })
      .get('k', 'b', [7, 8], { consistency: 'strong' }),
  ],
  [
    'a provisional increment that such a leader answered',
    new Script()
      .increment('k', 1, [1, 2], { value: '1', version: '2-2', node: 'n2' })
      .increment('k', 1, [3, 4], { value: '1', version: '1-3', ack: 'leader', node: 'n1' }),
  ],
  [
    'a counter that a decrement without an answer lowered',
    new Script()
      .increment('k', 5, [1, 2], { version: '1-2' })
      .increment('k', -2, [1, 2], { outcome: 'info' })
      .dump('n1', { k: '3@1-3' }, 9),
  ],
  [
    'a put whose first version was cut off, and that a retry did again',
    new Script()
      .put('k', 'a', [1, 6], { version: '2-5' })
      .get('k', 'a', [2, 3], { version: '1-4' })
      .epoch('n1', 1, 1, 'n1')
      .epoch('n1', 2, 4, 'n2'),
  ],
];
