/** A journal in memory, for tests of what writes to it. It outlives its users, as the file does. */
import type { JournalEntry, JournalOp, VolumeJournal } from "../../src/journal/journal.ts";

export class MemoryJournal implements VolumeJournal {
  /**
   * Runs before each commit is stored: throws to make it fail, waits to hold it up (and all that come
   * after it, as they are stored in the order of the calls).
   */
  beforeCommit: (ops: readonly JournalOp[]) => void | Promise<void> = () => {};
  /** Commits stored so far. */
  commits = 0;
  /** By kind and key; values are JSON. */
  readonly #entries = new Map<string, { kind: string; key: string; json: string }>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(entries: readonly JournalEntry[] = []) {
    for (const put of entries) this.#apply({ put });
  }

  /** What is stored now; `kind` alone if given. */
  entries(kind?: string): JournalEntry[] {
    return [...this.#entries.values()].filter((entry) => kind === undefined || entry.kind === kind)
      .map(({ kind, key, json }) => ({ kind, key, value: JSON.parse(json) }));
  }

  load(): Promise<JournalEntry[]> {
    return this.#inTurn(() => this.entries());
  }

  commit(ops: readonly JournalOp[]): Promise<void> {
    const copy: readonly JournalOp[] = structuredClone(ops);
    return this.#inTurn(async () => {
      await this.beforeCommit(copy);
      for (const op of copy) this.#apply(op);
      this.commits++;
    });
  }

  #inTurn<T>(work: () => T | Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => {});
    return turn;
  }

  #apply(op: JournalOp): void {
    if ("put" in op) {
      const { kind, key, value } = op.put;
      // A replaced value keeps its place in a Map, as in the file.
      this.#entries.set(JSON.stringify([kind, key]), { kind, key, json: JSON.stringify(value) });
    } else this.#entries.delete(JSON.stringify([op.delete.kind, op.delete.key]));
  }
}
