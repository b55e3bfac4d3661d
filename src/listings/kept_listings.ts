/**
 * The listings of one mount that are kept over restarts: when they are saved, and when they may be
 * shown again. Saved is what a LIST has told and what of this machine's changes S3 has; what S3 has
 * not is in the journal. A listing that is changed here is deleted from disk before S3 is told and
 * marked in the journal (outdated_listings.ts), and saved anew with the next LIST or when the mount ends.
 *
 * Long listings are saved and read some hundred names at a time, so that nobody else has to wait.
 */
import { type Clock, nextTurn } from "../base/clock.ts";
import type { VolumeJournal } from "../journal/journal.ts";
import { compareKeys } from "../s3/key_encoding.ts";
import { Listing } from "./listing.ts";
import type { ListingRow, ListingRows } from "./listing_database.ts";
import { isInOrder, type NameRow } from "./name_table.ts";
import type { OutdatedListings } from "./outdated_listings.ts";

/** Names in a part: writing or reading it takes about a millisecond. */
const PART_NAMES = 500;
/** After a LIST, somebody is waiting for what it told; saving it can wait. */
const SAVE_DELAY_MS = 2000;
/** What is on disk is replaced no more often than this, unless it is outdated. */
const SAVE_AGAIN_MS = 600_000;
/** Directories that wait to be saved; beyond, they are when the mount ends. */
const QUEUE_MAX = 10_000;
/** How long the end of a mount may take. */
const LAST_SAVES_MS = 5000;
/** Directories of which is remembered that nothing of them is on disk. */
const ABSENT_MAX = 50_000;
/** Marks beyond which those that are not needed any more are removed. */
const MARKS_MAX = 20_000;

export interface KeptListingsOptions {
  readonly rows: ListingRows;
  readonly outdated: OutdatedListings;
  /** Where the marks are. */
  readonly journal: VolumeJournal;
  readonly clock: Clock;
}

/** A listing from disk. */
export interface KeptListing {
  readonly listing: Listing;
  readonly generation: number;
  /** When it was true, milliseconds since the epoch. */
  readonly listedAtMs: number;
}

/** A part of a listing: its names, those of directories with a "/", and what belongs to them. */
type Part = readonly [
  keys: readonly string[],
  sizes: readonly number[],
  etags: readonly string[],
  lastModifiedMs: readonly number[],
  storageClasses: readonly (string | null)[],
];

export class KeptListings {
  readonly #options: KeptListingsOptions;
  /** To be saved, as long as they are not touched. */
  readonly #queue = new Map<string, { readonly listing: Listing; readonly listedAtMs: number }>();
  /** Of these nothing is on disk. */
  readonly #absent = new Set<string>();
  /** How many changes of each directory are under way to S3. */
  readonly #held = new Map<string, number>();
  /** What is being saved, and whether it was changed since that began. */
  #saving: { readonly prefix: string; isOutdated: boolean } | undefined;
  #isRunning = false;
  readonly #closing = new AbortController();
  #allMarked = false;
  #isForgetting = false;

  constructor(options: KeptListingsOptions) {
    this.#options = options;
    options.outdated.onLoaded = (generation) => options.rows.database.noteGeneration(generation);
  }

  /** True when `load` may find something of at most so many names. At once. */
  has(prefix: string, namesMax: number = Infinity): boolean {
    if (this.#absent.has(prefix)) return false;
    const row = this.#row(prefix);
    if (row === undefined) this.#noteAbsent(prefix);
    return row !== undefined && row.names <= namesMax;
  }

  /** True when nothing was changed here since `load` has found this. */
  isStill(prefix: string, { generation }: KeptListing): boolean {
    return this.#row(prefix)?.generation === generation;
  }

  /**
   * The listing of a directory as it was saved, without attributes; undefined when there is none.
   * The caller then asks whether it is so still (`isStill`).
   */
  async load(prefix: string): Promise<KeptListing | undefined> {
    const row = this.#row(prefix);
    if (row === undefined) return undefined;
    let names: NameRow[] = [];
    for (let part = 0; part < row.parts; part++) {
      if (part > 0) await nextTurn();
      const body = this.#options.rows.part(row, part);
      if (body === undefined) {
        this.#options.rows.delete(prefix);
        return undefined;
      }
      for (const name of decodePart(body)) names.push(name);
    }
    // Changed here since it was listed: what was changed comes last.
    if (!isInOrder(names, undefined)) {
      names = names.sort((a, b) => compareKeys(a.key, b.key));
    }
    const listing = new Listing();
    listing.hasMarker = row.hasMarker;
    for (let start = 0; start < names.length; start += PART_NAMES) {
      if (start > 0) await nextTurn();
      listing.addRows(names.slice(start, start + PART_NAMES));
    }
    return { listing, generation: row.generation, listedAtMs: row.listedAtMs };
  }

  /** A LIST has told the whole directory. */
  note(prefix: string, listing: Listing, listedAtMs: number): void {
    if (this.#closing.signal.aborted) return;
    const row = this.has(prefix) ? this.#row(prefix) : undefined;
    if (row !== undefined && Math.abs(listedAtMs - row.listedAtMs) < SAVE_AGAIN_MS) return;
    if (this.#queue.size < QUEUE_MAX) this.#queue.set(prefix, { listing, listedAtMs });
    if (!this.#isRunning) void this.#saveQueued();
  }

  /** This program has changed a name in the directory. */
  touch(prefix: string): void {
    this.#queue.delete(prefix);
    if (this.#saving?.prefix === prefix) this.#saving.isOutdated = true;
    if (!this.#absent.has(prefix)) this.#delete(prefix);
    this.#noteBroken();
  }

  /**
   * This program is about to change names in the directory, and S3 may have the change before this
   * program knows, which may end in between: until the end nothing is on disk.
   */
  hold(prefix: string): Disposable {
    this.touch(prefix);
    this.#held.set(prefix, (this.#held.get(prefix) ?? 0) + 1);
    return {
      [Symbol.dispose]: () => {
        const left = this.#held.get(prefix)! - 1;
        if (left === 0) this.#held.delete(prefix);
        else this.#held.set(prefix, left);
      },
    };
  }

  /** This program has changed anything in the directory or below. */
  touchTree(prefix: string): void {
    for (const queued of this.#queue.keys()) {
      if (queued.startsWith(prefix)) this.#queue.delete(queued);
    }
    if (this.#saving?.prefix.startsWith(prefix) === true) this.#saving.isOutdated = true;
    const { rows, outdated } = this.#options;
    if (rows.hasBelow(prefix)) {
      outdated.markTree(prefix, rows.database.lastGeneration);
      rows.deleteBelow(prefix);
    }
    this.#noteBroken();
  }

  /** Saves what is not on disk; the one to be saved first comes first. Nothing may change any more. */
  async close(
    listings: Iterable<readonly [prefix: string, listing: Listing, listedAtMs: number]>,
  ): Promise<void> {
    this.#closing.abort();
    const { clock } = this.#options;
    const endMs = clock.monotonicMs() + LAST_SAVES_MS;
    for (const [prefix, listing, listedAtMs] of listings) {
      if (clock.monotonicMs() > endMs) break;
      if (!this.has(prefix)) await this.#save(prefix, listing, listedAtMs);
    }
    await this.#forgetMarks();
  }

  #row(prefix: string): ListingRow | undefined {
    const { rows, outdated } = this.#options;
    const row = rows.get(prefix);
    if (row === undefined || !outdated.isOutdated(prefix, row.generation)) return row;
    rows.delete(prefix);
    return undefined;
  }

  #delete(prefix: string): void {
    const { rows, outdated } = this.#options;
    const generation = rows.get(prefix)?.generation;
    this.#noteAbsent(prefix);
    if (generation === undefined) return;
    outdated.mark(prefix, generation);
    rows.delete(prefix);
    if (outdated.size > MARKS_MAX) void this.#forgetMarks();
  }

  /** What a broken database holds may be there again after a restart. */
  #noteBroken(): void {
    const { rows: { database }, outdated } = this.#options;
    if (!database.isBroken || this.#allMarked) return;
    this.#allMarked = true;
    outdated.markTree("", database.lastGeneration);
  }

  #noteAbsent(prefix: string): void {
    if (this.#absent.size >= ABSENT_MAX) this.#absent.clear();
    this.#absent.add(prefix);
  }

  async #saveQueued(): Promise<void> {
    this.#isRunning = true;
    const { clock } = this.#options;
    const { signal } = this.#closing;
    try {
      while (this.#queue.size > 0) {
        await clock.sleep(SAVE_DELAY_MS, signal);
        for (const [prefix, { listing, listedAtMs }] of this.#queue) {
          signal.throwIfAborted();
          this.#queue.delete(prefix);
          await this.#save(prefix, listing, listedAtMs);
          await nextTurn();
        }
      }
    } catch {
      // The mount ends: `close` saves the rest.
    } finally {
      this.#isRunning = false;
    }
  }

  async #save(prefix: string, listing: Listing, listedAtMs: number): Promise<void> {
    const { rows } = this.#options;
    // Listed anew at this moment, or only in part.
    if (!listing.complete || this.#held.has(prefix) || rows.database.isBroken) return;
    const generation = rows.database.nextGeneration();
    const saving = { prefix, isOutdated: false };
    this.#saving = saving;
    const { hasMarker } = listing;
    let parts = 0;
    let names = 0;
    for (const body of encodeParts(listing)) {
      if (parts > 0) await nextTurn();
      if (saving.isOutdated) break;
      rows.putPart(generation, parts++, body.text);
      names += body.names;
    }
    this.#saving = undefined;
    if (saving.isOutdated || names !== listing.size) return rows.deleteParts(generation);
    rows.put({ prefix, generation, parts, names, listedAtMs, hasMarker });
    this.#absent.delete(prefix);
  }

  /** Removes the marks: what they tell of is gone from disk, or replaced. */
  async #forgetMarks(): Promise<void> {
    const { rows, outdated, journal } = this.#options;
    const { database } = rows;
    if (this.#isForgetting || database.isBroken || outdated.size === 0) return;
    this.#isForgetting = true;
    try {
      const marks = outdated.marks();
      for (const mark of marks) rows.deleteOutdated(mark);
      await database.sync();
      await outdated.remove(journal, marks);
    } catch {
      // They only take room.
    } finally {
      this.#isForgetting = false;
    }
  }
}

function* encodeParts(listing: Listing): Generator<{ text: string; names: number }> {
  let part: { key: string; entry: ReturnType<Listing["get"]> }[] = [];
  const encode = () => {
    const files = part.map(({ entry }) => entry?.kind === "file" ? entry : undefined);
    const columns: Part = [
      part.map(({ key }) => key),
      files.map((file) => file?.size ?? 0),
      files.map((file) => file?.etag ?? ""),
      files.map((file) => file?.lastModifiedMs ?? 0),
      files.map((file) => file?.storageClass ?? null),
    ];
    const names = part.length;
    part = [];
    return { text: JSON.stringify(columns), names };
  };
  for (const [name, entry] of listing.entries()) {
    part.push({ key: entry.kind === "directory" ? `${name}/` : name, entry });
    if (part.length === PART_NAMES) yield encode();
  }
  if (part.length > 0) yield encode();
}

function decodePart(text: string): NameRow[] {
  const [keys, sizes, etags, lastModifiedMs, storageClasses]: Part = JSON.parse(text);
  return keys.map((key, index) => {
    if (key.endsWith("/")) return { key };
    const storageClass = storageClasses[index];
    return {
      key,
      file: {
        size: sizes[index]!,
        etag: etags[index]!,
        lastModifiedMs: lastModifiedMs[index]!,
        ...(storageClass === null || storageClass === undefined ? {} : { storageClass }),
      },
    };
  });
}
