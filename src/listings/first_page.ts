/**
 * The first page of a directory that was asked for before anybody wanted it. It tells which directories
 * there are, so that what lies above what is wanted need not be listed; who asks for anything else is
 * not answered by something that old, nor anybody once something was changed here.
 */
import type { Clock } from "../base/clock.ts";
import type { ListPage } from "../s3/object_store.ts";
import { type ListedEntry, Listing } from "./listing.ts";
import type { ListingNeed, ListingRefresher } from "./listing_refresher.ts";

const FIRST_PAGE: ListingNeed = { extent: "page", isMet: (listing) => listing.hasFirstPage };
const NEVER = new AbortController().signal;

export class FirstPage {
  readonly #refresher: ListingRefresher;
  readonly #clock: Clock;
  #known: { readonly prefix: string; listing?: Listing } | undefined;

  constructor(refresher: ListingRefresher, clock: Clock) {
    this.#refresher = refresher;
    this.#clock = clock;
  }

  /** Rejects as `page` does. */
  async take(prefix: string, page: Promise<ListPage>): Promise<void> {
    const known: { readonly prefix: string; listing?: Listing } = { prefix };
    this.#known = known;
    const given = await page;
    const listing = new Listing();
    await this.#refresher.refresh(prefix, listing, FIRST_PAGE, NEVER, given);
    known.listing = listing;
  }

  /** What is known of the directory. */
  of(prefix: string): Listing | undefined {
    return this.#known?.prefix === prefix ? this.#known.listing : undefined;
  }

  /** What `name` is, if that is known to be a directory. */
  directory(prefix: string, name: string): { readonly entry: ListedEntry } | undefined {
    const listing = this.of(prefix);
    if (listing === undefined || this.#clock.monotonicMs() >= listing.freshUntilMs) {
      return undefined;
    }
    const entry = listing.get(name);
    return entry?.kind === "directory" ? { entry } : undefined;
  }

  /** Something was changed here. */
  forget(): void {
    this.#known = undefined;
  }
}
