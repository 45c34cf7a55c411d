import { expect, it } from 'vitest';
import { changeOf } from '../core/change.ts';
import { emptyState } from '../core/state.ts';
import { MemoryStore } from '../store/memory.ts';
import { ShardContext, type ShardParts } from './context.ts';

/** A disk on which, from a moment on, nothing can be written. */
class FailingStore extends MemoryStore {
  fails = false;

  override commit(...args: Parameters<MemoryStore['commit']>): void {
    if (this.fails) throw new Error('disk I/O error');
    super.commit(...args);
  }

  override saveState(...args: Parameters<MemoryStore['saveState']>): void {
    if (this.fails) throw new Error('disk I/O error');
    super.saveState(...args);
  }

  override sync(): void {
    if (this.fails) throw new Error('disk I/O error');
  }
}

it.each(['commit', 'sync', 'save'] as const)(
  'a %s that fails ends the process, whoever catches it',
  (call) => {
    const store = new FailingStore(() => 0);
    const failures: unknown[] = [];
    const parts = {
      files: { open: () => store },
      clock: { monotonic: () => 0 },
      instruments: { stored: () => undefined },
      fail: (error: unknown) => failures.push(error),
    };
    const context = new ShardContext(parts as unknown as ShardParts);
    context.commit(changeOf({ state: { ...emptyState(), applied: { epoch: 1, seq: 1 } } }), 'written');
    context.moveCursor({ streamSeq: 1 });
    store.fails = true;
    const write = {
      commit: () => context.commit(changeOf({ state: emptyState() })),
      sync: () => context.sync(),
      save: () => context.save(),
    };
    expect(write[call]).toThrow('disk I/O error');
    expect(failures).toEqual([new Error('disk I/O error')]);
    expect(context.durable.seq).toBe(0);
  },
);
