import { describe, expect, it } from 'vitest';
import { newRound, nextSource, noted, sourceStart, sourcesOf } from './source.ts';

const route = { shard: 0, leader: 'a', epoch: 1, near: ['b', 'a', 'c'], far: ['d'] };

describe('the replica whose log is asked', () => {
  it('is the leader for news, and each in turn for catching up', () => {
    expect(sourcesOf(route, 'freshest')).toEqual(['a', 'b', 'c', 'd']);
    expect(sourcesOf(route, { turn: 1 })).toEqual(['a', 'c', 'b', 'd']);
    expect(sourcesOf(route, { turn: 2 })).toEqual(['c', 'b', 'a', 'd']);
    expect(sourcesOf({ shard: 0, epoch: 1, near: [], far: ['d'] }, 'freshest')).toEqual(['d']);
    expect(sourcesOf({ shard: 0, leader: 'a', epoch: 1, near: [], far: [] }, { turn: 5 })).toEqual(['a']);
  });

  it('is another one after each that could not help, with a pause after all', () => {
    let state = sourceStart;
    for (const node of ['a', 'b']) {
      expect(nextSource(state, ['a', 'b'])).toEqual({ kind: 'ask', node });
      state = noted(state, node, 'failed');
    }
    expect(nextSource(state, ['a', 'b'])).toEqual({ kind: 'pause' });
    expect(newRound(state)).toEqual({ tried: [], short: [], rounds: 1 });
    expect(nextSource(sourceStart, [])).toEqual({ kind: 'pause' });
  });

  it('is none when every replica that is up has trimmed its log', () => {
    let state = noted(noted(sourceStart, 'a', 'trimmed'), 'b', 'failed');
    expect(nextSource(state, ['a', 'b']), 'b may have it').toEqual({ kind: 'pause' });
    state = noted(newRound(state), 'a', 'trimmed');
    expect(nextSource(noted(state, 'b', 'trimmed'), ['a', 'b'])).toEqual({ kind: 'expired' });
    expect(nextSource(state, ['a']), 'b is down').toEqual({ kind: 'expired' });
    state = noted(noted(state, 'b', 'trimmed'), 'b', 'nothing');
    expect(nextSource(state, ['a', 'b']), 'b has had a snapshot').toEqual({ kind: 'pause' });
  });
});
