/** Which directories this program has changed since when. */

/** Changes remembered at least; from then on, those that nobody needs are forgotten from time to time. */
const REMEMBERED_MAX = 10_000;

export class TouchedDirectories {
  #revision = 0;
  /** When it was changed last, by prefix. */
  readonly #directories = new Map<string, number>();
  readonly #trees = new Map<string, number>();
  #forgetAt = REMEMBERED_MAX;

  get size(): number {
    return this.#directories.size + this.#trees.size;
  }

  /** Grows with each change. */
  get revision(): number {
    return this.#revision;
  }

  /** A name in the directory was changed. */
  add(prefix: string): void {
    this.#directories.set(prefix, ++this.#revision);
  }

  /** Anything in or below the directory was changed. */
  addTree(prefix: string): void {
    this.#trees.set(prefix, ++this.#revision);
  }

  /** True when the directory was changed after the revision. */
  isTouched(prefix: string, since: number): boolean {
    if ((this.#directories.get(prefix) ?? 0) > since) return true;
    if (this.#trees.size === 0) return false;
    for (let end = 0; end >= 0; end = prefix.indexOf("/", end) + 1 || -1) {
      if ((this.#trees.get(prefix.slice(0, end)) ?? 0) > since) return true;
    }
    return false;
  }

  /** Nobody will ask of changes up to this revision. */
  forgetUntil(revision: number): void {
    if (this.size < this.#forgetAt) return;
    for (const map of [this.#directories, this.#trees]) {
      for (const [prefix, at] of map) if (at <= revision) map.delete(prefix);
    }
    this.#forgetAt = this.size + REMEMBERED_MAX;
  }
}
