/**
 * Work on connections that cannot be ended and that nobody waits for any more. Deno closes a connection
 * only when its TLS handshake and (in 2.6) its writes are done, which at an endpoint that hangs may be
 * never: so who has such work left must not begin more of it.
 */
export class AbandonedWork {
  readonly #counts = new Map<string, number>();

  /** `origin` has work that goes on until `work` settles. */
  add(origin: string, work: Promise<unknown>): void {
    this.#change(origin, 1);
    const done = () => this.#change(origin, -1);
    work.then(done, done);
  }

  /** Whether there is any for `origin`. */
  has(origin: string): boolean {
    return this.#counts.has(origin);
  }

  #change(origin: string, delta: number): void {
    const count = (this.#counts.get(origin) ?? 0) + delta;
    if (count === 0) this.#counts.delete(origin);
    else this.#counts.set(origin, count);
  }
}
