/**
 * What is known of the directories of one bucket: the names in each, from LIST, for a time (TTL).
 *
 * A lookup in an unknown directory asks for the first page of its listing (1000 names), which mostly
 * is all of it and answers every later lookup, also those of names that do not exist. In a longer
 * directory the page answers for the names up to its last key; others are asked for one by one until
 * somebody reads the whole directory. What this program itself changes is entered at once, also over
 * a LIST that is under way and may not have seen it.
 */
import { untilAborted } from "../base/until_aborted.ts";
import { FirstPage } from "./first_page.ts";
import { HiddenKeys } from "./hidden_keys.ts";
import type { KeptListings } from "./kept_listings.ts";
import { type ListedDirectory, type ListedEntry, Listing } from "./listing.ts";
import {
  type ListingNeed,
  ListingRefresher,
  type ListingRefresherOptions,
} from "./listing_refresher.ts";
import { ListingMap } from "./listing_map.ts";
import type { NameTable } from "./name_table.ts";
import { RecalledListings } from "./recalled_listings.ts";
import { SingleNames } from "./single_names.ts";
import { type DirectoryAhead, TreeWalk } from "./tree_walk.ts";

export interface DirectoryListingsOptions
  extends Pick<ListingRefresherOptions, "store" | "clock" | "log" | "attributes" | "contact"> {
  readonly ttlMs: number;
  /** Absent: nothing is kept over restarts. */
  readonly kept?: KeptListings;
}

/** Subdirectories that may be gone through for each stat(2) of a directory, which follows each change. */
const SUBDIRECTORIES_TOLD_MAX = 200;
/** From a listing on disk a single name is told if asking for all of them anew is one request. */
const NAMES_OF_ONE_PAGE = 1000;
const NEVER = new AbortController().signal;
const ALL: ListingNeed = { extent: "all", isMet: (listing) => listing.complete };

export class DirectoryListings {
  readonly #options: DirectoryListingsOptions;
  readonly #listings = new ListingMap();
  /** True for a key that is to be deleted: it is not there, whatever a LIST says. */
  isRemoved: (key: string) => boolean = () => false;
  /** Told of the names in a directory that are not what they were shown to be. */
  onRevised: (prefix: string, names: readonly string[]) => void = () => {};
  readonly #hidden: HiddenKeys;
  readonly #refresher: ListingRefresher;
  readonly #singles: SingleNames;
  readonly #walk: TreeWalk;
  readonly #recalled: RecalledListings | undefined;
  readonly #ttl: { ms: number };
  readonly firstPage: FirstPage;

  constructor(options: DirectoryListingsOptions) {
    this.#options = options;
    const ttl = this.#ttl = { ms: options.ttlMs };
    this.#hidden = new HiddenKeys(options.log);
    this.#refresher = new ListingRefresher({
      ...options,
      ttl,
      hidden: this.#hidden,
      isRemoved: (key) => this.isRemoved(key),
      onListed: (prefix, listing, sizeBefore) => this.#onListed(prefix, listing, sizeBefore),
    });
    this.firstPage = new FirstPage(this.#refresher, options.clock);
    this.#singles = new SingleNames({ ...options, isRemoved: (key) => this.isRemoved(key) });
    this.#walk = new TreeWalk({
      ...options,
      ttl,
      isRemoved: (key) => this.isRemoved(key),
      known: (prefix) => this.#listings.get(prefix),
    });
    this.#recalled = options.kept && new RecalledListings({
      ...options,
      ttl,
      kept: options.kept,
      enter: (prefix, listing) => {
        if (this.#listings.has(prefix)) return false;
        this.#listings.evict(this.#listings.set(prefix, listing));
        return true;
      },
      refresh: (prefix) => this.#known(prefix, ALL, NEVER),
      onRevised: (prefix, names) => this.onRevised(prefix, names),
    });
  }

  /** How long listings are believed from now on, those in memory too. */
  setTtl(ms: number): void {
    const moreMs = ms - this.#ttl.ms;
    this.#ttl.ms = ms;
    this.#listings.each((listing) => {
      if (listing.freshUntilMs > 0) listing.freshUntilMs += moreMs;
    });
  }

  /** Objects that cannot be shown, as far as directories were listed. */
  get hiddenKeyCount(): number {
    return this.#hidden.count;
  }

  /** The entry of one name; undefined when there is none. Throws `StoreError`. */
  async find(prefix: string, name: string, signal: AbortSignal): Promise<ListedEntry | undefined> {
    const recalled = this.#recall(prefix, NAMES_OF_ONE_PAGE);
    const shown = (recalled instanceof Promise ? await recalled : recalled)?.get(name);
    if (shown !== undefined) return shown;
    const need: ListingNeed = { extent: "page", isMet: (listing) => listing.knows(name) };
    const listing = await this.#known(prefix, need, signal);
    if (listing.knows(name)) return listing.get(name);
    const entry = await this.#singles.find(prefix, name, signal);
    const sizeBefore = listing.size;
    listing.learn(name, entry);
    this.#listings.resized(prefix, listing, sizeBefore);
    return entry;
  }

  /** What `find` would answer, if that needs no request. */
  peek(prefix: string, name: string): { readonly entry: ListedEntry | undefined } | undefined {
    const listing = this.#listings.get(prefix);
    if (listing === undefined) return this.firstPage.directory(prefix, name);
    if (this.#isFresh(listing)) {
      return listing.knows(name) ? { entry: listing.get(name) } : undefined;
    }
    // Of an old listing only what is in it.
    const entry = this.#isShown(listing) ? listing.get(name) : undefined;
    return entry && { entry };
  }

  /**
   * Where a listing that is believed tells all that is known of a file; undefined when more is known, or
   * it is no file, or a request is needed.
   */
  peekRow(
    prefix: string,
    name: string,
  ): { readonly table: NameTable; readonly row: number } | undefined {
    const listing = this.#listings.get(prefix);
    const row = listing && this.#isFresh(listing) ? listing.rowOfFile(name) : -1;
    return row < 0 ? undefined : { table: listing!.table, row };
  }

  /** What is listed behind `name` (undefined: from the first one) as far as is known without a request. */
  peekFollowing(prefix: string, name: string | undefined, count: number): [string, ListedEntry][] {
    const listing = this.#listings.get(prefix);
    if (listing === undefined || !this.#isFresh(listing)) return [];
    return listing.following(name, count);
  }

  /** The names of the subdirectories, if all are known without a request, and are few. */
  peekDirectories(prefix: string): string[] | undefined {
    const listing = this.#listings.get(prefix);
    if (listing === undefined || !this.#isFresh(listing) || !listing.complete) return undefined;
    if (listing.directoriesMax > SUBDIRECTORIES_TOLD_MAX) return undefined;
    return listing.directories();
  }

  /** The whole directory. Throws `StoreError`. A directory without any key is empty, not an error. */
  async readAll(prefix: string, signal: AbortSignal): Promise<Listing> {
    return await this.#recall(prefix) ?? await this.#known(prefix, ALL, signal);
  }

  /**
   * The whole directory, of which the last pages may still be on their way when the promise resolves
   * (`Listing.complete` is false then): `readOn` waits for more of it.
   */
  async readInParts(prefix: string, signal: AbortSignal): Promise<Listing> {
    return await this.#recall(prefix) ??
      await this.#known(prefix, { ...ALL, isReadInParts: true }, signal);
  }

  /** Resolves when more is known of a listing that `readInParts` has given. Throws `StoreError`. */
  readOn(prefix: string, listing: Listing, signal: AbortSignal): Promise<void> {
    return this.#refresher.readOn(prefix, listing, signal);
  }

  /** For how long what is known of a directory will still be believed, in milliseconds; at least 0. */
  remainingTtlMs(prefix: string): number {
    const listing = this.#listings.get(prefix) ?? this.firstPage.of(prefix);
    if (listing === undefined) return 0;
    const freshMs = listing.freshUntilMs - this.#options.clock.monotonicMs();
    return freshMs > 0 ? freshMs : this.#recalled?.remainingMs(listing) ?? 0;
  }

  /**
   * What a name is, asked anew if it was shown as an earlier run has left it; else undefined. Throws
   * `StoreError`.
   */
  confirm(
    prefix: string,
    name: string,
    signal: AbortSignal,
  ): Promise<ListedEntry | undefined> | undefined {
    const listing = this.#listings.get(prefix);
    if (listing === undefined || this.#isFresh(listing) || !this.#isShown(listing)) {
      return undefined;
    }
    if (listing.size <= NAMES_OF_ONE_PAGE) {
      return this.#known(prefix, ALL, signal).then((listing) => listing.get(name));
    }
    return this.#singles.confirm(prefix, name, listing.get(name), signal).then((entry) => {
      this.set(prefix, name, entry);
      return entry;
    });
  }

  /**
   * To be held while S3 is told of the object of a key: the next start does not believe what is on disk of
   * the directories above, which may not have it.
   */
  hold(key: string): Disposable {
    const stack = new DisposableStack();
    const { kept } = this.#options;
    if (kept === undefined) return stack;
    for (let end = 0; end >= 0; end = key.indexOf("/", end) + 1 || -1) {
      stack.use(kept.hold(key.slice(0, end)));
    }
    return stack;
  }

  /** Saves what is known for the next start. Nothing may be asked or changed any more. */
  async close(): Promise<void> {
    const listings = this.#listings.newestFirst().filter(([, { complete }]) => complete);
    await this.#options.kept?.close(
      listings.map(([prefix, listing]) => [prefix, listing, this.#listedAtMs(listing)] as const),
    );
  }

  /** Enters what this program has done: `name` is now `entry`, or (undefined) gone. */
  set(prefix: string, name: string, entry: ListedEntry | undefined): void {
    this.#change(prefix, (listing) => listing.set(name, entry));
  }

  /** Enters that a directory is there by what was put into it, unless more is known of it. */
  show(prefix: string, name: string, entry: ListedDirectory): void {
    this.#change(prefix, (listing) => listing.show(name, entry));
  }

  /** Enters that the object of a name is deleted; a name of another kind stays. */
  setDeleted(prefix: string, name: string, kind: ListedEntry["kind"]): void {
    this.#change(prefix, (listing) => listing.delete(name, kind));
  }

  /** Enters that a new, empty directory was made: nothing needs to be asked about its contents. */
  setEmpty(prefix: string): void {
    this.#touch(prefix);
    const listing = new Listing();
    listing.hasMarker = true;
    listing.markComplete(this.#options.clock.monotonicMs() + this.#ttl.ms);
    this.#listings.set(prefix, listing);
  }

  /** Enters that a directory has an object of its own now. */
  setMarker(prefix: string): void {
    this.#touch(prefix);
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
    for (const name of listing.names()) if (!isIgnored(name)) return false;
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
    this.#touchTree(from);
    this.#listings.moveTree(from, to);
  }

  /** Drops what is known of a directory and all below it. */
  forgetTree(from: string): void {
    this.#touchTree(from);
    this.#listings.deleteTree(from);
  }

  /** Makes the next question about a directory ask the endpoint; what is known stays as a fallback. */
  expire(prefix: string): void {
    this.#touch(prefix);
    const listing = this.#listings.get(prefix);
    if (listing !== undefined) listing.freshUntilMs = 0;
  }

  /** The directory as an earlier run has left it on disk, while that may be shown. */
  #recall(
    prefix: string,
    namesMax: number = Infinity,
  ): Promise<Listing | undefined> | Listing | undefined {
    const known = this.#listings.get(prefix);
    if (known === undefined) return this.#recalled?.recall(prefix, namesMax);
    return !this.#isFresh(known) && this.#isShown(known) ? known : undefined;
  }

  /** True for a listing that is old but may be shown while it is asked for anew. */
  #isShown(listing: Listing): boolean {
    return this.#recalled !== undefined && this.#recalled.remainingMs(listing) > 0;
  }

  /** When a listing was true, milliseconds since the epoch. */
  #listedAtMs(listing: Listing): number {
    const { clock } = this.#options;
    return clock.nowMs() - (clock.monotonicMs() - (listing.freshUntilMs - this.#ttl.ms));
  }

  #isFresh(listing: Listing): boolean {
    return this.#options.clock.monotonicMs() < listing.freshUntilMs;
  }

  /** The listing of `prefix`, fresh and with what is needed, from memory or by asking for it. */
  async #known(prefix: string, need: ListingNeed, signal: AbortSignal): Promise<Listing> {
    const old = this.#listings.use(prefix);
    if (old !== undefined) {
      // Of a name beyond the first page, the LIST of all will tell if it is under way.
      const isEnough = need.isMet(old) ||
        (need.extent === "page" && old.hasFirstPage && old.refresh?.extent !== "all");
      if (this.#isFresh(old) && isEnough) {
        if (need.extent === "all") this.#walk.note(prefix);
        return old;
      }
    }
    const walked = this.#walk.ask(prefix, signal);
    if (walked !== undefined) {
      const listing = await this.#takeWalked(prefix, walked, signal);
      if (listing !== undefined) return listing;
    }
    const listing = this.#listings.get(prefix) ?? this.#listings.set(prefix, new Listing());
    await this.#refresher.refresh(prefix, listing, need, signal);
    return listing;
  }

  /** Enters what pages of a whole tree tell of a directory, if they do. */
  async #takeWalked(
    prefix: string,
    walked: Promise<DirectoryAhead | undefined>,
    signal: AbortSignal,
  ): Promise<Listing | undefined> {
    const found = await untilAborted(walked, signal);
    if (found === undefined) return undefined;
    const { listing: fresh, freshUntilMs, hidden } = found;
    fresh.markComplete(freshUntilMs);
    await this.#options.attributes.load(prefix, fresh, signal);
    const known = this.#listings.get(prefix);
    // Taken meanwhile by somebody else who had asked for it.
    if (known?.complete === true && this.#isFresh(known)) return known;
    if (known?.refresh !== undefined || !this.#walk.take(found)) return undefined;
    const listing = known ?? this.#listings.set(prefix, new Listing());
    const sizeBefore = listing.size;
    listing.takeFrom(fresh);
    this.#hidden.note(prefix, hidden);
    this.#onListed(prefix, listing, sizeBefore);
    return listing;
  }

  /** A LIST has told what is in `listing`. */
  #onListed(prefix: string, listing: Listing, sizeBefore: number): void {
    if (this.#listings.get(prefix) !== listing) return;
    this.#listings.resized(prefix, listing, sizeBefore);
    this.#listings.evict(listing);
    this.#recalled?.settle(listing);
    if (listing.complete) this.#options.kept?.note(prefix, listing, this.#listedAtMs(listing));
  }

  #touch(prefix: string): void {
    this.firstPage.forget();
    this.#walk.touch(prefix);
    this.#options.kept?.touch(prefix);
  }

  #touchTree(prefix: string): void {
    this.firstPage.forget();
    this.#walk.touchTree(prefix);
    this.#options.kept?.touchTree(prefix);
  }

  /** Lets a change made here into what is known of a directory. */
  #change(prefix: string, enter: (listing: Listing) => void): void {
    this.#touch(prefix);
    this.#listings.change(prefix, enter);
  }
}
