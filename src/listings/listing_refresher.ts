/**
 * Asks the endpoint for what is in a directory: one LIST at a time for each, shared by all who wait.
 *
 * When a refresh fails or takes long, and the failure is the endpoint's (not "access denied"), what
 * was known is used on: a directory once seen can be listed while the endpoint is down.
 */
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { untilAborted } from "../base/until_aborted.ts";
import { StoreError } from "../s3/errors.ts";
import { compareKeys } from "../s3/key_encoding.ts";
import type { ListPage, ObjectStore } from "../s3/object_store.ts";
import { addPage, rowsOf } from "./add_page.ts";
import { type AttributeLoader, LAST_NAME } from "./attribute_loader.ts";
import type { HiddenKeys } from "./hidden_keys.ts";
import { Listing, type ListingRefresh } from "./listing.ts";
import { OrderedPages } from "./ordered_pages.ts";

/** How long a refresh may keep somebody waiting to whom an older answer could be given. */
const PATIENCE_MS = 3000;
/** After a failed refresh, the older answer is given without asking for so long. */
const RETRY_AFTER_MS = 5000;
/**
 * Without an older answer, the failure itself is: one call of a program can be several lookups, each
 * of which would take its full time again.
 */
const FAILURE_MS = 500;

/** What is known of the endpoint from elsewhere. */
export interface EndpointContact {
  /** True while it is known not to answer: nobody waits who can be given an older answer. */
  readonly isAway: boolean;
  /** How often it was found to answer again. */
  readonly timesRegained: number;
}

export interface ListingRefresherOptions {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly log: Logger;
  /** How long listings are believed; may change. */
  readonly ttl: { readonly ms: number };
  readonly attributes: AttributeLoader;
  readonly hidden: HiddenKeys;
  /** True for a key that is to be deleted: it is not there, whatever a LIST says. */
  readonly isRemoved: (key: string) => boolean;
  readonly contact?: EndpointContact;
  /** `listing` holds what a LIST of `prefix` told; it had `sizeBefore` names before that. */
  readonly onListed: (prefix: string, listing: Listing, sizeBefore: number) => void;
}

/** What somebody waits for. */
export interface ListingNeed {
  /** A page of names, or all. */
  readonly extent: "page" | "all";
  /** True when `listing` has what is needed, if it is to be believed. */
  readonly isMet: (listing: Listing) => boolean;
  /** The first pages will do, while the others are on their way. */
  readonly isReadInParts?: boolean;
}

export class ListingRefresher {
  readonly #options: ListingRefresherOptions;
  /**
   * Until when older answers are given at once, because a LIST failed; without end when somebody has
   * waited for a fresh answer in vain. Over as soon as a LIST succeeds, or the endpoint is regained.
   */
  #troubleUntilMs = 0;
  /** `timesRegained` as of the last look. */
  #timesRegained = 0;
  /** False once the endpoint was seen to list in another order, or not from where it was told to. */
  #maySplit = true;

  constructor(options: ListingRefresherOptions) {
    this.#options = options;
  }

  /**
   * Resolves when `listing`, the directory `prefix`, was refreshed as far as needed, or as well as can
   * be; the first page that takes is `given`, or asked for. Throws `StoreError`.
   */
  async refresh(
    prefix: string,
    listing: Listing,
    need: ListingNeed,
    signal: AbortSignal,
    given?: ListPage,
  ): Promise<void> {
    const { clock } = this.#options;
    const progress = this.#begin(prefix, listing, need.extent, given);
    if (this.#isTrouble() && listing.hasFirstPage && need.isMet(listing)) {
      listing.freshUntilMs = clock.monotonicMs() + RETRY_AFTER_MS;
      return;
    }
    if (!this.#isEnough(listing, need)) await this.#await(listing, progress, need, signal);
  }

  /** Resolves when more of a listing is known that is read in parts. Throws `StoreError`. */
  async readOn(prefix: string, listing: Listing, signal: AbortSignal): Promise<void> {
    if (listing.complete) return;
    const { grown, done } = this.#begin(prefix, listing, "all");
    await untilAborted(Promise.race([grown, done]), signal);
  }

  /** The LIST under way, or a new one: one at a time for each directory. */
  #begin(
    prefix: string,
    listing: Listing,
    extent: "page" | "all",
    given?: ListPage,
  ): ListingRefresh {
    if (listing.failure !== undefined) {
      const { error, untilMs } = listing.failure;
      if (this.#options.clock.monotonicMs() < untilMs) throw error;
      listing.failure = undefined;
    }
    const present = listing.refresh;
    if (present !== undefined && (extent === "page" || present.extent === "all")) return present;
    // Who needs more than the one under way goes on behind it.
    const progress = new Progress(extent);
    listing.refresh = progress;
    progress.end(this.#list(prefix, listing, progress, present?.done, given));
    const clear = () => {
      if (listing.refresh === progress) listing.refresh = undefined;
    };
    progress.done.then(clear, clear);
    return progress;
  }

  /** True when there is no need to wait any longer. */
  #isEnough(listing: Listing, need: ListingNeed): boolean {
    if (this.#options.clock.monotonicMs() >= listing.freshUntilMs) return false;
    return need.isMet(listing) || (need.isReadInParts === true && listing.hasFirstPage);
  }

  async #await(
    listing: Listing,
    progress: ListingRefresh,
    need: ListingNeed,
    signal: AbortSignal,
  ): Promise<void> {
    const { clock } = this.#options;
    const hasOlder = listing.hasFirstPage && need.isMet(listing);
    const isImpatient = hasOlder || (need.extent === "page" && progress.extent === "all");
    const patience = new AbortController();
    const late = isImpatient
      ? clock.sleep(PATIENCE_MS, patience.signal).then(() => "late" as const)
      : undefined;
    late?.catch(() => {});
    const done = progress.done.then(() => "done" as const);
    let pages = 0;
    try {
      for (;;) {
        const grown = progress.grown.then(() => "grown" as const);
        const waits = late === undefined ? [done, grown] : [done, grown, late];
        const end = await untilAborted(Promise.race(waits), signal);
        if (end === "done" || this.#isEnough(listing, need)) return;
        if (end === "late") break;
        pages++;
      }
    } catch (error) {
      this.#onFailure(listing, need, error);
    } finally {
      patience.abort();
    }
    if (!hasOlder || !need.isMet(listing)) return;
    if (pages === 0) this.#troubleUntilMs = Infinity;
    listing.freshUntilMs = clock.monotonicMs() + RETRY_AFTER_MS;
  }

  #isTrouble(): boolean {
    const { clock, contact } = this.#options;
    if (contact !== undefined && contact.timesRegained !== this.#timesRegained) {
      this.#timesRegained = contact.timesRegained;
      this.#troubleUntilMs = 0;
    }
    return contact?.isAway === true || clock.monotonicMs() < this.#troubleUntilMs;
  }

  /** Throws the error unless there is an older answer that will do. */
  #onFailure(listing: Listing, need: ListingNeed, error: unknown): void {
    const { clock, log } = this.#options;
    const hasOlder = listing.hasFirstPage && need.isMet(listing);
    const isOfEndpoint = error instanceof StoreError && error.retryable;
    if (isOfEndpoint && !hasOlder) {
      // The next one, who may have an older answer, need not find out again.
      const soonMs = clock.monotonicMs() + RETRY_AFTER_MS;
      this.#troubleUntilMs = Math.max(this.#troubleUntilMs, soonMs);
      listing.failure = { error, untilMs: clock.monotonicMs() + FAILURE_MS };
    }
    if (!hasOlder || !isOfEndpoint) throw error;
    log.warn("Using an older listing: {error}", { error: error.message });
  }

  /**
   * Lists one page or all. A listing that was complete stays what it is until the new one is, for it
   * may be needed; any other shows each page as it comes.
   */
  async #list(
    prefix: string,
    listing: Listing,
    progress: Progress,
    before: Promise<void> | undefined,
    given: ListPage | undefined,
  ): Promise<void> {
    const { clock, attributes, ttl, isRemoved, onListed } = this.#options;
    // What it fails with, this would fail with too, after as long again.
    const wasComplete = listing.complete;
    await before;
    // That one has told all, as it turned out.
    if (listing.complete && !wasComplete) return;
    const isFresh = clock.monotonicMs() < listing.freshUntilMs;
    const target = listing.complete ? new Listing() : listing;
    const token = isFresh ? listing.nextToken : undefined;
    const pages = this.#pages(prefix, token, progress.extent, given);
    const hidden: string[] = [];
    const isGone = (name: string) => listing.wasDeleted(name) || isRemoved(prefix + name);
    let isFirst = token === undefined;
    let isAtEnd = false;
    listing.noteChanges();
    try {
      // Nobody's interrupt ends a LIST that others wait for; each request has a deadline of its own.
      for (let page = await pages.next(); page !== undefined; page = await pages.next()) {
        const { nextToken } = page;
        const rows = rowsOf(page, prefix);
        const after = isFirst ? undefined : target.coveredTo;
        const last = nextToken === undefined ? undefined : lastKeyOf(page)?.slice(prefix.length);
        const known = await attributes.ofRows(
          prefix,
          rows.rows,
          after ?? "",
          last ?? LAST_NAME,
          NEVER,
        );
        const sizeBefore = listing.size;
        if (isFirst && target === listing) listing.clear();
        isFirst = false;
        hidden.push(...addPage(target, rows, prefix, isGone));
        target.hasFirstPage = true;
        target.nextToken = nextToken;
        target.coveredTo = last ?? target.coveredTo;
        target.freshUntilMs = clock.monotonicMs() + ttl.ms;
        if (nextToken === undefined) target.markComplete(target.freshUntilMs);
        attributes.enter(prefix, target, known);
        if (target === listing) {
          listing.repeatChanges();
          onListed(prefix, listing, sizeBefore);
        }
        progress.ring();
      }
      isAtEnd = true;
    } finally {
      pages.close();
      if (target === listing || !isAtEnd) listing.endNoting();
    }
    this.#options.hidden.note(prefix, hidden);
    this.#troubleUntilMs = 0;
    if (target === listing) return;
    listing.applyChangesTo(target);
    const sizeBefore = listing.size;
    listing.takeFrom(target);
    onListed(prefix, listing, sizeBefore);
  }

  #pages(
    prefix: string,
    token: string | undefined,
    extent: "page" | "all",
    given: ListPage | undefined,
  ): OrderedPages {
    let first = given;
    return new OrderedPages({
      clock: this.#options.clock,
      prefix,
      list: (from) => {
        const page = first;
        first = undefined;
        if (page !== undefined) return Promise.resolve(page);
        return this.#options.store.list({ prefix, delimiter: "/", ...from }, NEVER);
      },
      isOnePage: extent === "page",
      maySplit: this.#maySplit,
      onMisorder: () => {
        this.#maySplit = false;
      },
      ...(token === undefined ? {} : { token }),
    });
  }
}

/** A LIST under way, as those see it who wait for it. */
class Progress implements ListingRefresh {
  readonly extent: "page" | "all";
  readonly #done = Promise.withResolvers<void>();
  #grown = Promise.withResolvers<void>();

  constructor(extent: "page" | "all") {
    this.extent = extent;
    // Somebody who waits for it may be gone when it fails.
    this.#done.promise.catch(() => {});
  }

  get done(): Promise<void> {
    return this.#done.promise;
  }

  get grown(): Promise<void> {
    return this.#grown.promise;
  }

  /** A page has come. */
  ring(): void {
    const { resolve } = this.#grown;
    this.#grown = Promise.withResolvers<void>();
    resolve();
  }

  /** It settles as `work` does. */
  end(work: Promise<void>): void {
    work.then(this.#done.resolve, this.#done.reject);
  }
}

const NEVER = new AbortController().signal;

function lastKeyOf(page: ListPage): string | undefined {
  const object = page.objects.at(-1)?.key;
  const prefix = page.prefixes.at(-1);
  if (object === undefined || prefix === undefined) return object ?? prefix;
  return compareKeys(object, prefix) < 0 ? prefix : object;
}
