/** Mutual exclusion per key, in order of arrival. */
export class KeyedMutex<Key> {
  /** The end of each key's queue. A key without entry is free. */
  readonly #tails = new Map<Key, Promise<void>>();

  /** Runs `work` when all earlier calls with this key are done, and passes its result or error on. */
  async run<T>(key: Key, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key);
    const { promise: after, resolve: done } = Promise.withResolvers<void>();
    this.#tails.set(key, after);
    try {
      if (before !== undefined) await before;
      return await work();
    } finally {
      if (this.#tails.get(key) === after) this.#tails.delete(key);
      done();
    }
  }

  /** True while someone holds or awaits the key. */
  isBusy(key: Key): boolean {
    return this.#tails.has(key);
  }
}
