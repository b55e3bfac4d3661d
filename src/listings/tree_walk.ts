/**
 * Reads a tree ahead of whoever goes through it, by flat LIST pages: a page brings 1000 keys, which
 * may be all of a hundred directories, where a LIST for each directory is a request for each.
 *
 * When directories are read in the order of a walk (walk_order.ts), pages are asked for from where the
 * walk is, and the directories that they bring are held ready until they are asked for. Pages go
 * ahead of the walk by a number of names that grows while what they bring is used. A page of which
 * nothing is used ends it; the next attempt then takes more to begin.
 *
 * What this program changes in a directory while a page is under way that may not show it, or while
 * the directory is held ready, is not corrected here: such a directory is asked for by itself.
 */
import type { Clock } from "../base/clock.ts";
import { compareKeys } from "../s3/key_encoding.ts";
import type { ListPage, ObjectStore } from "../s3/object_store.ts";
import { type FlatDirectory, FlatListing, type PageMark } from "./flat_listing.ts";
import type { Listing } from "./listing.ts";
import type { EndpointContact } from "./listing_refresher.ts";
import { TouchedDirectories } from "./touched_directories.ts";
import { WalkOrder } from "./walk_order.ts";

/** Walks at a time; beyond, the one used longest ago is dropped. */
const WALKS_MAX = 4;
/** Names held ready beyond which no page is asked for ahead: at first, and once so many directories were used. */
const AHEAD: readonly { readonly used: number; readonly names: number }[] = [
  { used: 0, names: 1000 },
  { used: 16, names: 2000 },
  { used: 64, names: 4000 },
];
/** Pages that somebody waits for until the directory gets a LIST of its own: at first, and later. */
const PATIENCE_PAGES = 1;
const PATIENCE_PAGES_MAX = 10;
/** Directories used for each page more. */
const USED_PER_PATIENCE = 8;
/** Once so many were used, walks near by are taken for certain too. */
const USED_TO_TRUST = 64;
/** Ended walks that are remembered. */
const TRUSTED_MAX = 16;
/** A directory with so many names itself is better read by pages of its own. */
const OWN_NAMES_MAX = 900;
/** Changes made here that are remembered for pages to come; beyond, all walks end. */
const TOUCHED_MAX = 50_000;
/** Pages in a row that do not reach what is asked for: then it is no walk. */
const MISSED_MAX = 2;
/** However slow the endpoint is, who waits for a page asks by itself after this. */
const WAIT_MS = 3000;

export interface TreeWalkOptions {
  readonly store: ObjectStore;
  readonly clock: Clock;
  /** How long listings are believed; may change. */
  readonly ttl: { readonly ms: number };
  readonly contact?: EndpointContact;
  readonly isRemoved: (key: string) => boolean;
  /** What is known of a directory. */
  readonly known: (prefix: string) => Listing | undefined;
}

/** A directory held ready. */
export interface DirectoryAhead extends FlatDirectory {
  /** Monotonic time until which it is believed. */
  readonly freshUntilMs: number;
}

/** The pages of one walk. */
interface Walk {
  readonly root: string;
  /** The directory that it began with. */
  readonly start: string;
  flat: FlatListing;
  token: string | undefined;
  /** The page under way. */
  page: { readonly done: Promise<void>; readonly since: PageMark } | undefined;
  isOver: boolean;
  /** The last page has completed no directory: the next is asked for only when somebody waits for it. */
  isBarren: boolean;
  /** Directories asked for that pages had brought. */
  used: number;
  /** Pages in a row that did not reach what was waited for. */
  missed: number;
  /** Who waits, each by the prefix. */
  readonly waiting: Set<string>;
}

interface Ready {
  readonly walk: Walk;
  readonly found: DirectoryAhead;
}

export class TreeWalk {
  readonly #options: TreeWalkOptions;
  readonly #order: WalkOrder;
  readonly #touched = new TouchedDirectories();
  /** The one used last comes last. */
  #walks: Walk[] = [];
  readonly #ready = new Map<string, Ready>();
  #readyNames = 0;
  /** How many directories walks that are over have brought that were used, by root. */
  readonly #trusted = new Map<string, number>();
  /** The endpoint does not list in the order of keys. */
  #isImpossible = false;

  constructor(options: TreeWalkOptions) {
    this.#options = options;
    this.#order = new WalkOrder(options.known);
  }

  /** Notes that a directory is read of which nothing needs to be asked. */
  note(prefix: string): void {
    this.#order.note(prefix);
  }

  /**
   * What pages tell of a directory that is to be read, if they have told it or are about to; undefined
   * when it is to be asked for by itself. The caller then calls `take`.
   */
  ask(prefix: string, signal: AbortSignal): Promise<DirectoryAhead | undefined> | undefined {
    const isStep = this.#order.note(prefix);
    const ready = this.#readyOne(prefix);
    if (ready !== undefined) return Promise.resolve(this.#use(ready));
    if (!isStep || this.#isImpossible || prefix === "") return undefined;
    if (this.#options.contact?.isAway === true) return undefined;
    const walk = this.#walkTo(prefix) ?? this.#begin(prefix);
    return this.#wait(walk, prefix, signal);
  }

  /**
   * To be called with what `ask` has given, in the turn in which it is used: false when it is not true
   * any more.
   */
  take(found: DirectoryAhead): boolean {
    const ready = this.#ready.get(found.prefix);
    if (ready?.found !== found) return false;
    this.#drop(found.prefix);
    this.#goAhead(ready.walk);
    return true;
  }

  /** This program has changed a name in the directory. */
  touch(prefix: string): void {
    this.#drop(prefix);
    if (this.#walks.length === 0) return;
    this.#touched.add(prefix);
    this.#forgetTouched();
  }

  /** This program has changed anything in the directory or below. */
  touchTree(prefix: string): void {
    for (const ready of this.#ready.keys()) if (ready.startsWith(prefix)) this.#drop(ready);
    if (this.#walks.length === 0) return;
    this.#touched.addTree(prefix);
    this.#forgetTouched();
  }

  #readyOne(prefix: string): Ready | undefined {
    const ready = this.#ready.get(prefix);
    if (ready === undefined) return undefined;
    if (this.#options.clock.monotonicMs() < ready.found.freshUntilMs) return ready;
    this.#drop(prefix);
    return undefined;
  }

  #use({ walk, found }: Ready): DirectoryAhead {
    walk.used++;
    walk.missed = 0;
    if (walk.used >= USED_TO_TRUST) this.#order.wasRight(walk.start);
    return found;
  }

  /** The walk whose pages come to the directory next. */
  #walkTo(prefix: string): Walk | undefined {
    let best: Walk | undefined;
    for (const walk of this.#walks) {
      if (walk.isOver || !prefix.startsWith(walk.root)) continue;
      if (!isAhead(walk, prefix)) continue;
      if (best === undefined || compareKeys(best.flat.position, walk.flat.position) < 0) {
        best = walk;
      }
    }
    if (best !== undefined) {
      this.#walks = [...this.#walks.filter((walk) => walk !== best), best];
    }
    return best;
  }

  #begin(prefix: string): Walk {
    const root = this.#order.rootOf(prefix);
    const walk: Walk = {
      root,
      start: prefix,
      flat: this.#flatFrom(root, prefix),
      token: undefined,
      page: undefined,
      isOver: false,
      isBarren: false,
      used: this.#trustIn(root),
      missed: 0,
      waiting: new Set(),
    };
    this.#walks.push(walk);
    if (this.#walks.length > WALKS_MAX) this.#end(this.#walks[0]!);
    return walk;
  }

  /** The largest number of directories that a walk below has brought that were used. */
  #trustIn(root: string): number {
    let trust = 0;
    for (const [other, used] of this.#trusted) {
      if (other.startsWith(root)) trust = Math.max(trust, used);
    }
    for (const { root: other, used } of this.#walks) {
      if (other.startsWith(root)) trust = Math.max(trust, used);
    }
    return trust;
  }

  #flatFrom(root: string, prefix: string): FlatListing {
    // "." is the character before "/": few keys if any lie between this one and the first wanted.
    const startAfter = `${prefix.slice(0, -1)}.~`;
    return new FlatListing({ root, startAfter, isRemoved: this.#options.isRemoved });
  }

  async #wait(
    walk: Walk,
    prefix: string,
    signal: AbortSignal,
  ): Promise<DirectoryAhead | undefined> {
    const { clock } = this.#options;
    const patience = Math.min(
      PATIENCE_PAGES_MAX,
      PATIENCE_PAGES + Math.floor(walk.used / USED_PER_PATIENCE),
    );
    const deadlineMs = clock.monotonicMs() + WAIT_MS;
    const stop = new AbortController();
    const onAbort = () => stop.abort();
    signal.addEventListener("abort", onAbort, { once: true });
    const late = clock.sleep(WAIT_MS, stop.signal).catch(() => {});
    walk.waiting.add(prefix);
    try {
      for (let pages = 0; pages < patience || isMissed(walk, prefix); pages++) {
        if (walk.isOver || !isAhead(walk, prefix)) return undefined;
        if ((walk.flat.openSize(prefix) ?? 0) > OWN_NAMES_MAX) {
          this.#order.wasWrong(prefix);
          return undefined;
        }
        if (pages > 0) this.#skipTo(walk, prefix);
        await Promise.race([this.#nextPage(walk), late]);
        const ready = this.#readyOne(prefix);
        if (ready !== undefined) return this.#use(ready);
        if (signal.aborted || clock.monotonicMs() >= deadlineMs) return undefined;
      }
      this.#giveUp(walk, prefix);
      return undefined;
    } finally {
      walk.waiting.delete(prefix);
      signal.removeEventListener("abort", onAbort);
      stop.abort();
    }
  }

  /** Nothing was gained by waiting for the directory. */
  #giveUp(walk: Walk, prefix: string): void {
    // What is below it may be wanted still, and what is before it.
    if (walk.used > 0 && walk.flat.openSize(prefix) !== undefined) return;
    if (isWaitedForBefore(walk, prefix)) return;
    this.#order.wasWrong(walk.start);
    this.#end(walk);
  }

  /** If pages have not come to the directory, what lies before it is not wanted, unless somebody waits for it. */
  #skipTo(walk: Walk, prefix: string): void {
    if (walk.flat.openSize(prefix) !== undefined) return;
    if (isWaitedForBefore(walk, prefix)) return;
    walk.missed++;
    walk.flat = this.#flatFrom(walk.root, prefix);
    walk.token = undefined;
    walk.page = undefined;
  }

  /** The page under way, or the next one. Never rejects. */
  #nextPage(walk: Walk): Promise<void> {
    if (walk.page === undefined) {
      const since = {
        revision: this.#touched.revision,
        atMs: this.#options.clock.monotonicMs(),
      };
      const page = { done: this.#fetch(walk, since), since };
      walk.page = page;
      page.done.then(() => {
        if (walk.page === page) walk.page = undefined;
      });
    }
    return walk.page.done;
  }

  async #fetch(walk: Walk, since: PageMark): Promise<void> {
    const { store, ttl } = this.#options;
    const { flat, token } = walk;
    // The store has its own deadline for each request.
    const signal = new AbortController().signal;
    let page: ListPage;
    try {
      page = await store.list({
        prefix: walk.root,
        ...(token === undefined ? { startAfter: flat.position } : { token }),
      }, signal);
    } catch {
      // Who needs a directory asks for it, and is told what is wrong.
      if (walk.flat === flat) this.#end(walk);
      return;
    }
    // The walk has gone on elsewhere meanwhile.
    if (walk.flat !== flat) return;
    const done = flat.add(page, since);
    if (done === undefined) {
      this.#isImpossible = true;
      for (const each of this.#walks) this.#end(each);
      return;
    }
    walk.token = page.nextToken;
    walk.isOver = page.nextToken === undefined;
    walk.isBarren = done.length === 0;
    for (const directory of done) {
      if (this.#touched.isTouched(directory.prefix, directory.since.revision)) continue;
      this.#hold(walk, { ...directory, freshUntilMs: directory.since.atMs + ttl.ms });
    }
    this.#forgetTouched();
  }

  #hold(walk: Walk, found: DirectoryAhead): void {
    if (!this.#walks.includes(walk)) return;
    this.#drop(found.prefix);
    this.#ready.set(found.prefix, { walk, found });
    this.#readyNames += weightOf(found);
  }

  #drop(prefix: string): void {
    const ready = this.#ready.get(prefix);
    if (ready === undefined) return;
    this.#ready.delete(prefix);
    this.#readyNames -= weightOf(ready.found);
  }

  /** Asks for the next page if few names are left of those before. */
  #goAhead(walk: Walk): void {
    if (walk.isOver || walk.isBarren || walk.page !== undefined || !this.#walks.includes(walk)) {
      return;
    }
    const ahead = AHEAD.findLast(({ used }) => used <= walk.used)!.names;
    if (this.#readyNames >= ahead) return;
    void this.#nextPage(walk).then(() => this.#goAhead(walk));
  }

  #end(walk: Walk): void {
    walk.isOver = true;
    this.#trusted.delete(walk.root);
    this.#trusted.set(walk.root, walk.used);
    if (this.#trusted.size > TRUSTED_MAX) {
      const [oldest] = this.#trusted.keys();
      this.#trusted.delete(oldest!);
    }
    this.#walks = this.#walks.filter((other) => other !== walk);
    for (const [prefix, ready] of this.#ready) if (ready.walk === walk) this.#drop(prefix);
    this.#forgetTouched();
  }

  #forgetTouched(): void {
    let since = this.#touched.revision;
    for (const walk of this.#walks) {
      since = Math.min(since, walk.page?.since.revision ?? since, walk.flat.openSince ?? since);
    }
    this.#touched.forgetUntil(since);
    if (this.#touched.size > TOUCHED_MAX) { for (const walk of this.#walks) this.#end(walk); }
  }
}

/** True while pages to come may have all of the directory. */
function isAhead(walk: Walk, prefix: string): boolean {
  return walk.flat.openSize(prefix) !== undefined || compareKeys(walk.flat.position, prefix) < 0;
}

/** True when somebody waits for what lies before the directory. */
function isWaitedForBefore({ waiting }: Walk, prefix: string): boolean {
  for (const other of waiting) if (compareKeys(other, prefix) < 0) return true;
  return false;
}

/** True when pages have not come to the directory, but it is worth to look for it. */
function isMissed({ flat, used, missed }: Walk, prefix: string): boolean {
  return used > 0 && missed < MISSED_MAX && compareKeys(flat.position, prefix) < 0;
}

/** An empty directory is not held for nothing. */
function weightOf({ listing }: FlatDirectory): number {
  return listing.size + 1;
}
