import { describe, expect, it } from 'vitest';
import { ClientSession } from './session.ts';

describe('the session of a client', () => {
  it('goes on with the token of the last answer', () => {
    const session = new ClientSession();
    expect(session.token).toBeUndefined();
    session.learn(undefined, 'a');
    session.learn('a', 'b');
    expect(session.token).toBe('b');
    session.learn('b', undefined);
    expect(session.token).toBe('b');
  });

  it('keeps what crossed, until an answer holds all of it', () => {
    const session = new ClientSession('a');
    session.learn('a', 'b');
    session.learn('a', 'c');
    expect(session.token).toBe('b, c');
    session.learn('b, c', 'd');
    expect(session.token).toBe('d');
    session.learn('b, c', 'd');
    expect(session.token).toBe('d');
  });

  it('begins with a token that it is given, or several', () => {
    expect(new ClientSession('a,b').token).toBe('a, b');
  });
});
