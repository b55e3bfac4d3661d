/**
 * Adds to a listing what LIST does not tell: the attributes remembered on this machine, and with
 * `attributes = "full"` those of every object not seen before, by one HEAD each, many at a time.
 */
import { Semaphore } from "../base/semaphore.ts";
import { timespecOfMs } from "../base/posix.ts";
import { NotFoundError } from "../s3/errors.ts";
import type { ObjectInfo, ObjectStore } from "../s3/object_store.ts";
import type { AttributeRow, AttributeStore } from "./attribute_store.ts";
import type { ListedFile, Listing } from "./listing.ts";
import { decodePosixMetadata, type PosixAttributes } from "./posix_metadata.ts";

/** HEAD requests side by side for one directory. */
const HEADS_MAX = 64;

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
    for (const row of this.#remembered.directory(prefix)) {
      const entry = listing.get(row.name);
      if (entry?.kind === "directory" && row.etag === "") {
        listing.add(row.name, { ...entry, attributes: row.attributes });
      } else if (entry?.kind === "file" && row.etag === entry.etag) {
        listing.add(row.name, { ...entry, attributes: row.attributes });
      } else if (entry === undefined && listing.complete) {
        // Deleted by somebody else.
        this.#remembered.deleteUnlisted(prefix, row.name);
      }
    }
    if (this.#mode === "full") await this.#fetchUnseen(prefix, listing, signal);
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

  forget(prefix: string, name: string, kind: "file" | "directory"): void {
    this.#remembered.delete(prefix, name, kind);
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

  async #fetchUnseen(prefix: string, listing: Listing, signal: AbortSignal): Promise<void> {
    const slots = new Semaphore(HEADS_MAX);
    const rows: AttributeRow[] = [];
    const fetchOne = async (name: string, directory: boolean) => {
      const release = await slots.acquire(signal);
      try {
        const info = await this.#store.head(prefix + name + (directory ? "/" : ""), signal);
        const attributes = decodePosixMetadata(info.metadata ?? {});
        const entry = listing.get(name);
        if (entry === undefined) return;
        // A newer version than the listed one: its attributes do not belong to what was listed.
        if (entry.kind === "file" && info.etag !== entry.etag) return;
        listing.add(name, { ...entry, attributes });
        rows.push({ name, etag: directory ? "" : info.etag, attributes });
      } catch (error) {
        // Deleted meanwhile, or a directory without an object of its own.
        if (!(error instanceof NotFoundError)) throw error;
        if (directory) rows.push({ name, etag: "", attributes: {} });
      } finally {
        release();
      }
    };
    const unseen = [...listing.entries()].filter(([, entry]) => entry.attributes === undefined);
    await Promise.all(unseen.map(([name, entry]) => fetchOne(name, entry.kind === "directory")));
    this.#remembered.setAll(prefix, rows);
  }
}
