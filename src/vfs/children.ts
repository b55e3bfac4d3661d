/** The inodes in a directory by their names. Some are asleep (known_rows.ts) until they are asked for. */

/** Inodes that are asleep. */
export interface Sleepers<Child> {
  /** How many they are. */
  readonly count: number;
  has(name: string): boolean;
  /** The inode of that name, awake from now on; undefined when none is asleep under it. */
  wake(name: string): Child | undefined;
}

interface HasKind {
  readonly kind: "directory" | "file";
}

/** A part of the names in S3: those that the kernel knows or that hold local state. */
export class Children<Child extends HasKind, Asleep extends Sleepers<Child>> {
  readonly #awake = new Map<string, Child>();
  #directoryCount = 0;
  asleep: Asleep | undefined;

  get size(): number {
    return this.#awake.size + (this.asleep?.count ?? 0);
  }

  /** How many of them are directories, which are never asleep. */
  get directoryCount(): number {
    return this.#directoryCount;
  }

  /** Wakes it if need be. */
  get(name: string): Child | undefined {
    return this.#awake.get(name) ?? this.asleep?.wake(name);
  }

  /** Undefined also while it is asleep. */
  peek(name: string): Child | undefined {
    return this.#awake.get(name);
  }

  has(name: string): boolean {
    return this.#awake.has(name) || this.asleep?.has(name) === true;
  }

  set(name: string, child: Child): void {
    if (this.#awake.get(name)?.kind === "directory") this.#directoryCount--;
    if (child.kind === "directory") this.#directoryCount++;
    this.#awake.set(name, child);
  }

  delete(name: string): void {
    if (this.#awake.get(name)?.kind === "directory") this.#directoryCount--;
    this.#awake.delete(name);
  }

  /** Those that are awake, as all are that hold local state. */
  values(): IterableIterator<Child> {
    return this.#awake.values();
  }

  [Symbol.iterator](): IterableIterator<[string, Child]> {
    return this.#awake.entries();
  }
}
