/**
 * What is known of the directories of one bucket: the names in each, from LIST, for a time (TTL).
 *
 * A lookup in an unknown directory asks for the first page of its listing (1000 names), which mostly
 * is all of it and answers every later lookup, also those of names that do not exist. In a longer
 * directory the page answers for the names up to its last key; others are asked for one by one until
 * somebody reads the whole directory. What this program itself changes is entered at once, also over
 * a LIST that is under way and may not have seen it.
 *
 * When a refresh fails or takes long, and the failure is the endpoint's (not "access denied"), what
 * was known is used on: a directory once seen can be listed while the endpoint is down.
 */
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { untilAborted } from "../base/until_aborted.ts";
import { NotFoundError, StoreError } from "../s3/errors.ts";
import { compareKeys } from "../s3/key_encoding.ts";
import type { ListPage, ObjectStore } from "../s3/object_store.ts";
import { addPage } from "./add_page.ts";
import type { AttributeLoader } from "./attribute_loader.ts";
import { type ListedDirectory, type ListedEntry, Listing } from "./listing.ts";

export interface DirectoryListingsOptions {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly ttlMs: number;
  readonly attributes: AttributeLoader;
}

/** Names kept over all directories of a bucket; beyond, the directories used longest ago are dropped. */
const NAMES_MAX = 1_000_000;
/** Names that may be gone through for each stat(2) of a directory. */
const QUICKLY_TOLD_MAX = 10_000;
/** How long a refresh may keep somebody waiting to whom an older answer could be given. */
const PATIENCE_MS = 3000;
/** After a failed refresh, the older answer is given without asking for so long. */
const RETRY_AFTER_MS = 5000;
/**
 * Without an older answer, the failure itself is: one call of a program can be several lookups, each
 * of which would take its full time again.
 */
const FAILURE_MS = 500;

export class DirectoryListings {
  readonly #options: DirectoryListingsOptions;
  /** By prefix ("" or "a/b/"), the least recently used first. */
  readonly #listings = new Map<string, Listing>();
  #names = 0;
  /**
   * Until when older answers are given at once, because a LIST failed; without end when somebody has
   * waited for a fresh answer in vain. Over as soon as a LIST succeeds.
   */
  #troubleUntilMs = 0;
  /** True for a key that is to be deleted: it is not there, whatever a LIST says. */
  isRemoved: (key: string) => boolean = () => false;
  /** How many keys were met that cannot be file names. */
  readonly #hiddenKeys = new Map<string, number>();

  constructor(options: DirectoryListingsOptions) {
    this.#options = options;
  }

  /** Objects that cannot be shown, as far as directories were listed. */
  get hiddenKeyCount(): number {
    let total = 0;
    for (const count of this.#hiddenKeys.values()) total += count;
    return total;
  }

  /** The entry of one name; undefined when there is none. Throws `StoreError`. */
  async find(prefix: string, name: string, signal: AbortSignal): Promise<ListedEntry | undefined> {
    const listing = await this.#known(prefix, (l) => l.knows(name), "page", signal);
    if (listing.knows(name)) return listing.get(name);
    const entry = await this.#askForOne(prefix, name, signal);
    const before = listing.size;
    listing.learn(name, entry);
    this.#names += listing.size - before;
    return entry;
  }

  /** What `find` would answer, if that needs no request. */
  peek(prefix: string, name: string): { readonly entry: ListedEntry | undefined } | undefined {
    const listing = this.#listings.get(prefix);
    if (listing === undefined || !this.#isFresh(listing) || !listing.knows(name)) return undefined;
    return { entry: listing.get(name) };
  }

  /** The names of the subdirectories, if all are known without a request and quickly told. */
  peekDirectories(prefix: string): string[] | undefined {
    const listing = this.#listings.get(prefix);
    if (listing === undefined || !this.#isFresh(listing) || !listing.complete) return undefined;
    if (listing.size > QUICKLY_TOLD_MAX) return undefined;
    return listing.directories();
  }

  /** The whole directory. Throws `StoreError`. A directory without any key is empty, not an error. */
  readAll(prefix: string, signal: AbortSignal): Promise<Listing> {
    return this.#known(prefix, (listing) => listing.complete, "all", signal);
  }

  /** For how long what is known of a directory will still be believed, in milliseconds; at least 0. */
  remainingTtlMs(prefix: string): number {
    const listing = this.#listings.get(prefix);
    if (listing === undefined) return 0;
    return Math.max(0, listing.freshUntilMs - this.#options.clock.monotonicMs());
  }

  /** Enters what this program has done: `name` is now `entry`, or (undefined) gone. */
  set(prefix: string, name: string, entry: ListedEntry | undefined): void {
    const listing = this.#listings.get(prefix);
    if (listing === undefined) return;
    const before = listing.size;
    listing.set(name, entry);
    this.#names += listing.size - before;
  }

  /** Enters that a directory is there by what was put into it, unless more is known of it. */
  show(prefix: string, name: string, entry: ListedDirectory): void {
    const listing = this.#listings.get(prefix);
    if (listing === undefined) return;
    const before = listing.size;
    listing.show(name, entry);
    this.#names += listing.size - before;
  }

  /** Enters that the object of a name is deleted; a name of another kind stays. */
  setDeleted(prefix: string, name: string, kind: ListedEntry["kind"]): void {
    const listing = this.#listings.get(prefix);
    if (listing === undefined) return;
    const before = listing.size;
    listing.delete(name, kind);
    this.#names += listing.size - before;
  }

  /** Enters that a new, empty directory was made: nothing needs to be asked about its contents. */
  setEmpty(prefix: string): void {
    const listing = new Listing();
    listing.hasMarker = true;
    listing.markComplete(this.#options.clock.monotonicMs() + this.#options.ttlMs);
    this.#keep(prefix, listing);
  }

  /** Enters that a directory has an object of its own now. */
  setMarker(prefix: string): void {
    const listing = this.#listings.get(prefix);
    if (listing !== undefined) listing.hasMarker = true;
  }

  /**
   * True when the directory holds nothing, not even an object of its own; undefined when unknown.
   * `isIgnored` names do not count.
   */
  isEmptyWithoutMarker(
    prefix: string,
    isIgnored: (name: string) => boolean,
  ): boolean | undefined {
    const listing = this.#listings.get(prefix);
    if (listing === undefined || !this.#isFresh(listing)) return undefined;
    if (listing.hasMarker) return false;
    for (const [name] of listing.entries()) if (!isIgnored(name)) return false;
    return listing.complete ? true : undefined;
  }

  /** True when no name in the directory is known, as old as that may be; undefined when unknown. */
  isEmpty(prefix: string): boolean | undefined {
    const listing = this.#listings.get(prefix);
    if (listing === undefined || !listing.complete) return undefined;
    return listing.size === 0;
  }

  /** Enters that the tree below `from` is now below `to` (both end with "/"). */
  moveTree(from: string, to: string): void {
    this.forgetTree(to);
    for (const [prefix, listing] of [...this.#listings]) {
      if (!prefix.startsWith(from)) continue;
      this.#listings.delete(prefix);
      this.#listings.set(to + prefix.slice(from.length), listing);
    }
  }

  /** Drops what is known of a directory and all below it. */
  forgetTree(from: string): void {
    for (const [prefix, listing] of [...this.#listings]) {
      if (!prefix.startsWith(from)) continue;
      this.#listings.delete(prefix);
      this.#names -= listing.size;
    }
  }

  /** Makes the next question about a directory ask the endpoint; what is known stays as a fallback. */
  expire(prefix: string): void {
    const listing = this.#listings.get(prefix);
    if (listing !== undefined) listing.freshUntilMs = 0;
  }

  #isFresh(listing: Listing): boolean {
    return this.#options.clock.monotonicMs() < listing.freshUntilMs;
  }

  /** The listing of `prefix`, fresh and `sufficient`, from memory or by asking for a page or for all. */
  async #known(
    prefix: string,
    sufficient: (listing: Listing) => boolean,
    extent: "page" | "all",
    signal: AbortSignal,
  ): Promise<Listing> {
    const old = this.#listings.get(prefix);
    if (old !== undefined) {
      this.#listings.delete(prefix);
      this.#listings.set(prefix, old);
      if (this.#isFresh(old) && (sufficient(old) || (extent === "page" && old.hasFirstPage))) {
        return old;
      }
    }
    const listing = old ?? this.#keep(prefix, new Listing());
    if (listing.failure !== undefined) {
      if (this.#options.clock.monotonicMs() < listing.failure.untilMs) throw listing.failure.error;
      listing.failure = undefined;
    }
    const isTrouble = this.#options.clock.monotonicMs() < this.#troubleUntilMs;
    const inTrouble = isTrouble && old?.hasFirstPage === true && sufficient(old);
    // One LIST at a time for each directory; who needs more than the one under way goes on behind it.
    if (listing.refresh === undefined || (extent === "all" && listing.refresh.extent === "page")) {
      const before = listing.refresh?.done;
      const done = this.#refresh(prefix, listing, extent, before);
      const refresh = { extent, done };
      listing.refresh = refresh;
      const clear = () => {
        if (listing.refresh === refresh) listing.refresh = undefined;
      };
      done.then(clear, clear);
    }
    if (inTrouble) {
      listing.freshUntilMs = this.#options.clock.monotonicMs() + RETRY_AFTER_MS;
      return listing;
    }
    await this.#awaitRefresh(listing, listing.refresh.done, sufficient, signal);
    return listing;
  }

  async #awaitRefresh(
    listing: Listing,
    done: Promise<void>,
    sufficient: (listing: Listing) => boolean,
    signal: AbortSignal,
  ): Promise<void> {
    const fallback = listing.hasFirstPage && sufficient(listing);
    const patience = new AbortController();
    const waits: Promise<boolean>[] = [untilAborted(done.then(() => true), signal)];
    if (fallback) {
      waits.push(this.#options.clock.sleep(PATIENCE_MS, patience.signal).then(() => false));
    }
    let refreshed = false;
    try {
      refreshed = await Promise.race(waits);
    } catch (error) {
      const endpointFailed = error instanceof StoreError && error.retryable;
      if (endpointFailed && !fallback) {
        // The next one, who may have an older answer, need not find out again.
        const soonMs = this.#options.clock.monotonicMs() + RETRY_AFTER_MS;
        this.#troubleUntilMs = Math.max(this.#troubleUntilMs, soonMs);
        const untilMs = this.#options.clock.monotonicMs() + FAILURE_MS;
        listing.failure = { error, untilMs };
      }
      if (!fallback || !endpointFailed) throw error;
      this.#options.log.warn("Using an older listing: {error}", { error: error.message });
    } finally {
      for (const wait of waits) wait.catch(() => {});
      patience.abort();
    }
    if (!refreshed) {
      this.#troubleUntilMs = Infinity;
      listing.freshUntilMs = this.#options.clock.monotonicMs() + RETRY_AFTER_MS;
    }
  }

  /** Lists one page or all into a new listing and puts its contents into `listing` when done. */
  async #refresh(
    prefix: string,
    listing: Listing,
    extent: "page" | "all",
    before: Promise<void> | undefined,
  ): Promise<void> {
    // What it fails with, this would fail with too, after as long again.
    await before;
    // The store has its own deadline for each request; nobody's interrupt ends a shared refresh.
    const signal = new AbortController().signal;
    const fresh = new Listing();
    const hiddenSamples: string[] = [];
    let hidden = 0;
    let token = this.#isFresh(listing) ? listing.nextToken : undefined;
    if (token !== undefined) fresh.copyFrom(listing);
    listing.noteChanges();
    try {
      do {
        const page = await this.#options.store.list({
          prefix,
          delimiter: "/",
          ...(token === undefined ? {} : { token }),
        }, signal);
        const isGone = (name: string) => listing.wasDeleted(name) || this.isRemoved(prefix + name);
        for (const name of addPage(fresh, page, prefix, isGone)) {
          hidden++;
          if (hiddenSamples.length < 3) hiddenSamples.push(name);
        }
        token = page.nextToken;
        fresh.nextToken = token;
        fresh.coveredTo = token === undefined ? undefined : lastKeyOf(page)?.slice(prefix.length);
        fresh.hasFirstPage = true;
      } while (token !== undefined && extent === "all");
      await this.#options.attributes.load(prefix, fresh, signal);
    } finally {
      listing.applyChangesTo(fresh);
    }
    this.#noteHidden(prefix, hidden, hiddenSamples);
    const size = listing.size;
    fresh.freshUntilMs = this.#options.clock.monotonicMs() + this.#options.ttlMs;
    listing.copyFrom(fresh);
    this.#troubleUntilMs = 0;
    if (this.#listings.get(prefix) === listing) this.#names += listing.size - size;
    this.#evict(listing);
  }

  /** One name beyond the first page of a long directory: as a file and as a directory at once. */
  async #askForOne(
    prefix: string,
    name: string,
    signal: AbortSignal,
  ): Promise<ListedEntry | undefined> {
    const { store, attributes } = this.#options;
    const key = prefix + name;
    const [file, below] = await Promise.all([
      store.head(key, signal).catch((error: unknown) => {
        if (error instanceof NotFoundError) return undefined;
        throw error;
      }),
      store.list({ prefix: key + "/", maxKeys: 1 }, signal),
    ]);
    if (below.objects.length > 0 && !this.isRemoved(`${key}/`)) return { kind: "directory" };
    return file === undefined || this.isRemoved(key)
      ? undefined
      : attributes.learn(prefix, name, file);
  }

  #keep(prefix: string, listing: Listing): Listing {
    const old = this.#listings.get(prefix);
    if (old !== undefined) this.#names -= old.size;
    this.#listings.set(prefix, listing);
    this.#names += listing.size;
    return listing;
  }

  #evict(keep: Listing): void {
    for (const [prefix, listing] of this.#listings) {
      if (this.#names <= NAMES_MAX) return;
      if (listing === keep || listing.refresh !== undefined) continue;
      this.#listings.delete(prefix);
      this.#names -= listing.size;
    }
  }

  #noteHidden(prefix: string, count: number, samples: readonly string[]): void {
    const known = this.#hiddenKeys.get(prefix) ?? 0;
    if (count === 0) this.#hiddenKeys.delete(prefix);
    else this.#hiddenKeys.set(prefix, count);
    if (count > known) {
      this.#options.log.warn(
        "{count} keys below {prefix} cannot be file names and are hidden, for example {samples}",
        { count, prefix: JSON.stringify(prefix), samples: samples.map((s) => JSON.stringify(s)) },
      );
    }
  }
}

function lastKeyOf(page: ListPage): string | undefined {
  const object = page.objects.at(-1)?.key;
  const prefix = page.prefixes.at(-1);
  if (object === undefined || prefix === undefined) return object ?? prefix;
  return compareKeys(object, prefix) < 0 ? prefix : object;
}
