/** The listings in memory, by prefix: of so many names at most, the most recently used ones. */
import type { Listing } from "./listing.ts";

/**
 * Names kept over all directories of a bucket, of about 80 bytes each; beyond, the directories used
 * longest ago are dropped. A directory of a million names leaves room for others.
 */
const NAMES_MAX = 1_500_000;

export class ListingMap {
  /** The least recently used first. */
  readonly #listings = new Map<string, Listing>();
  #names = 0;

  get(prefix: string): Listing | undefined {
    return this.#listings.get(prefix);
  }

  has(prefix: string): boolean {
    return this.#listings.has(prefix);
  }

  /** Calls `visit` with each. */
  each(visit: (listing: Listing) => void): void {
    for (const listing of this.#listings.values()) visit(listing);
  }

  /** As `get`; the listing is used. */
  use(prefix: string): Listing | undefined {
    const listing = this.#listings.get(prefix);
    if (listing !== undefined) {
      this.#listings.delete(prefix);
      this.#listings.set(prefix, listing);
    }
    return listing;
  }

  /** Puts a listing in the place of the one before. */
  set(prefix: string, listing: Listing): Listing {
    this.#names += listing.size - (this.#listings.get(prefix)?.size ?? 0);
    this.#listings.set(prefix, listing);
    return listing;
  }

  /** To be called when a listing that had `sizeBefore` names has got others. */
  resized(prefix: string, listing: Listing, sizeBefore: number): void {
    if (this.#listings.get(prefix) === listing) this.#names += listing.size - sizeBefore;
  }

  /** Changes what is known of a directory, if anything is. */
  change(prefix: string, enter: (listing: Listing) => void): void {
    const listing = this.#listings.get(prefix);
    if (listing === undefined) return;
    const sizeBefore = listing.size;
    enter(listing);
    this.#names += listing.size - sizeBefore;
  }

  /** The tree below `from` is below `to` now (both end with "/"). */
  moveTree(from: string, to: string): void {
    for (const [prefix, listing] of [...this.#listings]) {
      if (!prefix.startsWith(from)) continue;
      this.#listings.delete(prefix);
      // A LIST of what was there before would go on to fill it.
      if (listing.refresh === undefined) {
        this.#listings.set(to + prefix.slice(from.length), listing);
      } else {
        this.#names -= listing.size;
      }
    }
  }

  deleteTree(from: string): void {
    for (const [prefix, listing] of [...this.#listings]) {
      if (!prefix.startsWith(from)) continue;
      this.#listings.delete(prefix);
      this.#names -= listing.size;
    }
  }

  /** Drops what is beyond the limit, but not `keep` nor what is being listed. */
  evict(keep: Listing): void {
    for (const [prefix, listing] of this.#listings) {
      if (this.#names <= NAMES_MAX) return;
      if (listing === keep || listing.refresh !== undefined) continue;
      this.#listings.delete(prefix);
      this.#names -= listing.size;
    }
  }

  /** The most recently used first. */
  newestFirst(): (readonly [prefix: string, listing: Listing])[] {
    return [...this.#listings].reverse();
  }
}
