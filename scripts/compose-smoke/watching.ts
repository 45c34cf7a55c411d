/**
 * One watch, by one HTTP request that is never made again: what is shown here came through the load balancer
 * on a connection that it kept open. (The client would reconnect, and hide a load balancer that cuts watches
 * off.)
 */
export class Watching {
  readonly #stop = new AbortController();
  readonly #keys = new Set<string>();
  readonly #startedAt = performance.now();
  readonly #ended: Promise<void>;
  #isOpen = true;

  private constructor(body: AsyncIterable<Uint8Array>) {
    this.#ended = this.#read(body);
  }

  static async start(url: string, prefix: string): Promise<Watching> {
    const answer = await fetch(`${url}/v1/watch?prefix=${encodeURIComponent(prefix)}`);
    if (!answer.ok || answer.body === null) throw new Error(`the watch was answered by ${answer.status}`);
    return new Watching(answer.body);
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  get ageMs(): number {
    return performance.now() - this.#startedAt;
  }

  /** Whether it has shown all of these keys. */
  hasSeen(keys: readonly string[]): boolean {
    return keys.every((key) => this.#keys.has(key));
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await this.#ended;
  }

  async #read(body: AsyncIterable<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    let text = '';
    try {
      for await (const chunk of body) {
        if (this.#stop.signal.aborted) break;
        const lines = (text + decoder.decode(chunk, { stream: true })).split('\n');
        text = lines.pop() ?? '';
        for (const line of lines) this.#take(line);
      }
    } catch {
      // The connection was cut: `isOpen` tells.
    } finally {
      this.#isOpen = false;
    }
  }

  #take(line: string): void {
    if (!line.startsWith('data:')) return;
    const { key } = JSON.parse(line.slice('data:'.length)) as { key?: unknown };
    if (typeof key === 'string') this.#keys.add(key);
  }
}
