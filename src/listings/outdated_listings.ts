/**
 * Which listings on disk no longer say what this machine has acknowledged. What S3 has been told of a
 * change is forgotten by the journal: from then on no kept listing may be believed that does not have
 * it, or a name would be missing after a restart that was there before. So a mark goes into the
 * journal, in the same transaction that forgets the change: listings of the directory up to this
 * generation are outdated. It costs no sync of its own, and at most one mark for each save.
 */
import type { JournalEntry, JournalOp, VolumeJournal } from "../journal/journal.ts";

/** Journal entries: key is the prefix, value the generation. */
const DIRECTORY = "outdated-directory";
const TREE = "outdated-tree";

/** Listings of the directory (and, in a tree, below it) up to this generation are outdated. */
export interface OutdatedMark {
  readonly prefix: string;
  readonly generation: number;
  readonly isTree: boolean;
}

export class OutdatedListings {
  /** By prefix: the last generation that is outdated. */
  readonly #directories = new Map<string, number>();
  readonly #trees = new Map<string, number>();
  /** Marks that the journal does not have yet, by kind and prefix. */
  readonly #pending = new Map<string, JournalEntry>();
  /** Called with each mark that the journal has from before. */
  onLoaded: (generation: number) => void = () => {};

  /** How many marks there are. */
  get size(): number {
    return this.#directories.size + this.#trees.size;
  }

  /** A listing of this generation does not have what was changed in its directory. */
  mark(prefix: string, generation: number): void {
    this.#directories.set(prefix, generation);
    this.#pend({ kind: DIRECTORY, key: prefix, value: generation });
  }

  /** As `mark`, for all directories below and the directory itself. */
  markTree(prefix: string, generation: number): void {
    this.#trees.set(prefix, generation);
    this.#pend({ kind: TREE, key: prefix, value: generation });
  }

  isOutdated(prefix: string, generation: number): boolean {
    if ((this.#directories.get(prefix) ?? 0) >= generation) return true;
    if (this.#trees.size === 0) return false;
    for (let end = 0;; end = prefix.indexOf("/", end) + 1) {
      if ((this.#trees.get(prefix.slice(0, end)) ?? 0) >= generation) return true;
      if (end === prefix.length) return false;
    }
  }

  /** The journal of a volume, which keeps the marks beside what is put into it. */
  within(journal: VolumeJournal): VolumeJournal {
    return {
      load: async () => {
        const entries = await journal.load();
        return entries.filter((entry) => !this.#load(entry));
      },
      commit: async (ops, options) => {
        const forgets = ops.some((op) => "delete" in op);
        if (!forgets || this.#pending.size === 0) return await journal.commit(ops, options);
        // They stay pending until one such commit has succeeded.
        const marks = [...this.#pending];
        // What only deletes is taken on a full disk too, and must be with its marks.
        const makesRoom = options?.makesRoom ?? ops.every((op) => "delete" in op);
        const puts = marks.map(([, put]): JournalOp => ({ put }));
        await journal.commit([...ops, ...puts], { makesRoom });
        for (const [about, entry] of marks) {
          if (this.#pending.get(about) === entry) this.#pending.delete(about);
        }
      },
    };
  }

  /** All that there are. */
  marks(): OutdatedMark[] {
    return [
      ...Array.from(this.#directories, ([prefix, generation]) => ({
        prefix,
        generation,
        isTree: false,
      })),
      ...Array.from(this.#trees, ([prefix, generation]) => ({ prefix, generation, isTree: true })),
    ];
  }

  /** To be called when what the marks tell of is gone from disk, and would not be back after a power cut. */
  async remove(journal: VolumeJournal, marks: readonly OutdatedMark[]): Promise<void> {
    const ops: JournalOp[] = [];
    for (const { prefix, generation, isTree } of marks) {
      const map = isTree ? this.#trees : this.#directories;
      // Outdated once more meanwhile.
      if (map.get(prefix) !== generation) continue;
      const kind = isTree ? TREE : DIRECTORY;
      map.delete(prefix);
      this.#pending.delete(kind + prefix);
      ops.push({ delete: { kind, key: prefix } });
    }
    if (ops.length > 0) await journal.commit(ops);
  }

  #pend(entry: JournalEntry): void {
    this.#pending.set(entry.kind + entry.key, entry);
  }

  #load({ kind, key, value }: JournalEntry): boolean {
    if (kind !== DIRECTORY && kind !== TREE) return false;
    const generation = Number(value);
    const map = kind === TREE ? this.#trees : this.#directories;
    map.set(key, Math.max(generation, map.get(key) ?? 0));
    this.onLoaded(generation);
    return true;
  }
}
