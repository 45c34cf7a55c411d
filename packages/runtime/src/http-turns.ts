/**
 * How many requests one turn of the event loop begins. A turn goes through all sockets that have something to
 * read, one after the other, and nothing else is done meanwhile: not timers, and not the answers of others
 * that requests wait for. With thousands of connections that is a tenth of a second and more; whoever needs
 * several turns, as a write does, then needs that several times.
 *
 * So what a turn has no room for is only read, which costs little. It waits, in order, for the next turns.
 */

/** What has something to do in a turn. */
export interface Turning {
  /** Its turn has come: called once for each time that it was not admitted. */
  turn(): void;
}

export class Turns {
  readonly #waiting: Turning[] = [];
  readonly #max: number;
  #begun = 0;
  #isEndAwaited = false;

  /** `max`: how many a turn begins. With 0 each waits, and has a turn of its own. */
  constructor(max: number) {
    this.#max = max;
  }

  /** Whether it may go on in this turn; if not, it is called when its turn comes. */
  admits(one: Turning): boolean {
    this.#begun += 1;
    const hasRoom = this.#waiting.length === 0 && this.#begun <= this.#max;
    // A usual load, which needs no turns, has the end of one awaited by a few of its requests only.
    if (!hasRoom || this.#begun > this.#max / 2) this.#awaitEnd();
    if (hasRoom) return true;
    this.#waiting.push(one);
    return false;
  }

  #awaitEnd(): void {
    if (this.#isEndAwaited) return;
    this.#isEndAwaited = true;
    setImmediate(this.#ended);
  }

  readonly #ended = (): void => {
    this.#isEndAwaited = false;
    this.#begun = 0;
    const next = this.#waiting.splice(0, Math.max(1, this.#max));
    if (this.#waiting.length > 0) this.#awaitEnd();
    for (const one of next) one.turn();
  };
}
