/**
 * Adds to a listing what LIST does not tell: the attributes remembered on this machine, and with
 * `attributes = "full"` those of every object not seen before, by one HEAD each, many at a time.
 */
import { Semaphore } from "../base/semaphore.ts";
import { timespecOfMs } from "../base/posix.ts";
import { NotFoundError } from "../s3/errors.ts";
import { compareKeys } from "../s3/key_encoding.ts";
import type { ObjectInfo, ObjectStore } from "../s3/object_store.ts";
import type { AttributeRow, AttributeStore } from "./attribute_store.ts";
import type { ListedFile, Listing } from "./listing.ts";
import type { NameRow } from "./name_table.ts";
import { decodePosixMetadata, type PosixAttributes } from "./posix_metadata.ts";

/** HEAD requests side by side for one directory. */
const HEADS_MAX = 64;
/** Behind all names that there can be. */
export const LAST_NAME = "\u{10ffff}";

export class AttributeLoader {
  readonly #store: ObjectStore;
  readonly #remembered: AttributeStore;
  readonly #mode: "fast" | "full";

  constructor(store: ObjectStore, remembered: AttributeStore, mode: "fast" | "full") {
    this.#store = store;
    this.#remembered = remembered;
    this.#mode = mode;
  }

  /** Fills in the attributes of all entries of `listing`, the directory `prefix`. */
  async load(prefix: string, listing: Listing, signal: AbortSignal): Promise<void> {
    const rows = Array.from(
      listing.entries(),
      ([name, entry]): NameRow =>
        entry.kind === "directory" ? { key: `${name}/` } : { key: name, file: entry },
    );
    this.enter(prefix, listing, await this.ofRows(prefix, rows, "", LAST_NAME, signal));
  }

  /**
   * What is known of the names in `rows`, which are what a LIST tells of the directory `prefix`, and
   * of all other names behind the key `after` up to the key `last`. To be entered when the rows are
   * in the listing.
   */
  async ofRows(
    prefix: string,
    rows: readonly NameRow[],
    after: string,
    last: string,
    signal: AbortSignal,
  ): Promise<AttributeRow[]> {
    const known = this.#remembered.range(prefix, after, last);
    for (const { key, file } of rows) {
      // A directory is listed as "name/", behind other names that begin with its own.
      if (file !== undefined || compareKeys(key.slice(0, -1), after) > 0) continue;
      const row = this.#remembered.get(prefix, key.slice(0, -1));
      if (row !== undefined) known.push({ ...row, name: key.slice(0, -1) });
    }
    const asked = this.#mode === "full"
      ? undefined
      : this.#remembered.expected(prefix, after, last);
    if (asked?.size === 0) return known;
    const etags = new Map(known.map(({ name, etag }) => [name, etag]));
    const unseen = rows.filter(({ key, file }) =>
      (asked === undefined || asked.has(key)) &&
      etags.get(file === undefined ? key.slice(0, -1) : key) !== (file?.etag ?? "")
    );
    return [...known, ...await this.#fetch(prefix, unseen, signal)];
  }

  /** Fills in what `ofRows` has told. */
  enter(prefix: string, listing: Listing, known: readonly AttributeRow[]): void {
    for (const { name, etag, attributes } of known) {
      const entry = listing.get(name);
      if (entry === undefined) {
        // Deleted by somebody else.
        if (listing.knows(name)) this.#remembered.deleteUnlisted(prefix, name);
      } else if (etag === (entry.kind === "file" ? entry.etag : "")) {
        listing.add(name, { ...entry, attributes });
      }
    }
  }

  /**
   * Fills in what is remembered of the names behind `after` up to `last` (undefined: up to the end).
   * Asks nobody, and takes no name for deleted: for a listing that is not new.
   */
  recall(prefix: string, listing: Listing, after: string, last: string | undefined): void {
    for (const row of this.#remembered.range(prefix, after, last ?? LAST_NAME)) {
      const entry = listing.get(row.name);
      if (entry !== undefined && row.etag === (entry.kind === "file" ? entry.etag : "")) {
        listing.add(row.name, { ...entry, attributes: row.attributes });
      }
    }
  }

  /** An object's entry from its HEAD, remembered if it has attributes. */
  learn(prefix: string, name: string, info: ObjectInfo): ListedFile {
    const attributes = decodePosixMetadata(info.metadata ?? {});
    this.remember(prefix, name, info.etag, attributes);
    return {
      kind: "file",
      size: info.size,
      etag: info.etag,
      lastModifiedMs: info.lastModifiedMs,
      ...(info.storageClass === undefined ? {} : { storageClass: info.storageClass }),
      attributes,
    };
  }

  /** Remembers the attributes of a name; `etag` is "" for a directory. */
  remember(prefix: string, name: string, etag: string, attributes: PosixAttributes): void {
    this.#remembered.set(prefix, name, etag, attributes);
  }

  /**
   * The object of a file is about to be made anew. Should this program end before it can `remember` its
   * attributes, they are asked for when it is listed.
   */
  expect(prefix: string, name: string): void {
    this.#remembered.expect(prefix, name);
  }

  forget(prefix: string, name: string, kind: "file" | "directory"): void {
    this.#remembered.delete(prefix, name, kind);
  }

  /** Makes what `work` has remembered and forgotten one write to the disk. */
  together<T>(work: () => T): T {
    return this.#remembered.together(work);
  }

  /**
   * A renamed object has the LastModified of its copy: keeps the old one as its mtime, unless
   * attributes are remembered, which then go over to the copy's ETag.
   */
  keepTime(prefix: string, name: string, from: string, to: string, lastModifiedMs: number): void {
    const known = this.#remembered.get(prefix, name);
    const attributes = known?.etag === from ? known.attributes : {};
    const mtime = attributes.mtime ?? timespecOfMs(lastModifiedMs);
    this.#remembered.set(prefix, name, to, { ...attributes, mtime });
  }

  /** What is known below `from` is true below `to` as well. */
  copyTree(from: string, to: string): void {
    this.#remembered.copyTree(from, to);
  }

  /** The attributes of objects by HEAD; they are remembered. */
  async #fetch(
    prefix: string,
    unseen: readonly NameRow[],
    signal: AbortSignal,
  ): Promise<AttributeRow[]> {
    const slots = new Semaphore(HEADS_MAX);
    const rows: AttributeRow[] = [];
    const fetchOne = async ({ key, file }: NameRow) => {
      const name = file === undefined ? key.slice(0, -1) : key;
      const release = await slots.acquire(signal);
      try {
        const info = await this.#store.head(prefix + key, signal);
        const attributes = decodePosixMetadata(info.metadata ?? {});
        // A newer version than the listed one: its attributes do not belong to what was listed.
        if (file !== undefined && info.etag !== file.etag) return;
        rows.push({ name, etag: file?.etag ?? "", attributes });
      } catch (error) {
        // Deleted meanwhile, or a directory without an object of its own.
        const isGone = error instanceof NotFoundError;
        // What was listed is told all the same, without attributes.
        if (!isGone && this.#mode === "full") throw error;
        if (isGone && file === undefined) rows.push({ name, etag: "", attributes: {} });
      } finally {
        release();
      }
    };
    await Promise.all(unseen.map(fetchOne));
    this.#remembered.setAll(prefix, rows);
    return rows;
  }
}
