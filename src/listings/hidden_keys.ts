/** Counts the keys that cannot be file names, and tells of them once. */
import type { Logger } from "../base/log.ts";

/** How many of them a message names. */
const SAMPLES_MAX = 3;

export class HiddenKeys {
  readonly #log: Logger;
  /** How many, by directory. */
  readonly #counts = new Map<string, number>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** In all directories, as far as these were listed. */
  get count(): number {
    let total = 0;
    for (const count of this.#counts.values()) total += count;
    return total;
  }

  /** A LIST of the directory `prefix` has shown these. */
  note(prefix: string, keys: readonly string[]): void {
    const known = this.#counts.get(prefix) ?? 0;
    const count = keys.length;
    if (count === 0) this.#counts.delete(prefix);
    else this.#counts.set(prefix, count);
    if (count <= known) return;
    const samples = keys.slice(0, SAMPLES_MAX).map((key) => JSON.stringify(key));
    this.#log.warn(
      "{count} keys below {prefix} cannot be file names and are hidden, for example {samples}",
      { count, prefix: JSON.stringify(prefix), samples },
    );
  }
}
