/**
 * Heads of the rows that were written lately, so that writing them again reads nothing, and where these rows
 * are in their table, as soon as that was told. Every write asks for one and sets one; so they lie in flat
 * arrays, and what stays over many writes is no object that the garbage collector moves around. What is
 * neither written nor asked for while the hand of the clock goes round makes room for others.
 */
import { digestBytes } from '@driftless/contracts';
import type { Entry, Head } from '../core/entry.ts';

const tombstoneBit = 1;
/** Written or asked for since the hand came by. */
const usedBit = 2;

export class HeadCache {
  readonly #headsMax: number;
  readonly #slots = new Map<string, number>();
  readonly #keys: (string | undefined)[] = [];
  readonly #flags: Uint8Array;
  readonly #epochs: Float64Array;
  readonly #seqs: Float64Array;
  /** NaN: never. */
  readonly #expiries: Float64Array;
  readonly #digests: Uint8Array;
  /** 0: not known. */
  readonly #ids: Float64Array;
  readonly #free: number[] = [];
  #hand = 0;

  constructor(headsMax: number) {
    this.#headsMax = headsMax;
    this.#flags = new Uint8Array(headsMax);
    this.#epochs = new Float64Array(headsMax);
    this.#seqs = new Float64Array(headsMax);
    this.#expiries = new Float64Array(headsMax);
    this.#digests = new Uint8Array(headsMax * digestBytes);
    this.#ids = new Float64Array(headsMax);
  }

  /** Id of the row; 0 when it isn't known, and undefined when nothing is known of the row. */
  idOf(key: string): number | undefined {
    const slot = this.#slots.get(key);
    return slot === undefined ? undefined : this.#ids[slot];
  }

  /** Of a row whose head is known. */
  noteId(key: string, id: number): void {
    const slot = this.#slots.get(key);
    if (slot !== undefined) this.#ids[slot] = id;
  }

  get(key: string): Head | undefined {
    const slot = this.#slots.get(key);
    if (slot === undefined) return undefined;
    const flags = (this.#flags[slot] as number) | usedBit;
    this.#flags[slot] = flags;
    const expiresAt = this.#expiries[slot] as number;
    const at = slot * digestBytes;
    return {
      epoch: this.#epochs[slot] as number,
      seq: this.#seqs[slot] as number,
      tombstone: (flags & tombstoneBit) !== 0,
      expiresAt: Number.isNaN(expiresAt) ? null : expiresAt,
      digest: this.#digests.slice(at, at + digestBytes),
    };
  }

  /** The row is this one now. */
  set({ key, epoch, seq, tombstone, expiresAt, digest }: Entry): void {
    const slot = this.#slots.get(key) ?? this.#place(key);
    this.#flags[slot] = usedBit | (tombstone ? tombstoneBit : 0);
    this.#epochs[slot] = epoch;
    this.#seqs[slot] = seq;
    this.#expiries[slot] = expiresAt ?? Number.NaN;
    this.#digests.set(digest, slot * digestBytes);
  }

  delete(key: string): void {
    const slot = this.#slots.get(key);
    if (slot === undefined) return;
    this.#slots.delete(key);
    this.#keys[slot] = undefined;
    this.#free.push(slot);
  }

  #place(key: string): number {
    const slot = this.#free.pop() ?? (this.#keys.length < this.#headsMax ? this.#keys.length : this.#evict());
    this.#keys[slot] = key;
    this.#ids[slot] = 0;
    this.#slots.set(key, slot);
    return slot;
  }

  #evict(): number {
    for (;;) {
      const slot = this.#hand;
      this.#hand = (slot + 1) % this.#headsMax;
      const flags = this.#flags[slot] as number;
      if ((flags & usedBit) === 0) {
        this.#slots.delete(this.#keys[slot] as string);
        return slot;
      }
      this.#flags[slot] = flags & ~usedBit;
    }
  }
}
