/**
 * Directories shown as an earlier run has left them on disk, while they are listed anew.
 *
 * What is not older than the TTL is believed as if this program had never ended. What is older is
 * shown for a moment, if a whole directory is asked for or a name that is in it; who asks for a name
 * that is not in it, or opens a file, waits for the endpoint. When the new listing is there, the
 * names that differ are told, so that the kernel forgets what it was shown.
 */
import { type Clock, nextTurn } from "../base/clock.ts";
import { Semaphore } from "../base/semaphore.ts";
import { compareKeys } from "../s3/key_encoding.ts";
import type { AttributeLoader } from "./attribute_loader.ts";
import type { KeptListings } from "./kept_listings.ts";
import type { Listing } from "./listing.ts";
import type { NameTable } from "./name_table.ts";

/** For so long an old listing is shown at once; from then on, who asks waits for the new one. */
const SHOWN_MS = 3000;
/** Directories listed anew at a time: those of a whole tree come in order, by pages of many (tree_walk.ts). */
const REVISED_AT_ONCE = 8;
const NEVER = new AbortController().signal;
/** Names gone through in one turn of the event loop. */
const TURN_NAMES = 500;

export interface RecalledListingsOptions {
  readonly kept: KeptListings;
  readonly attributes: AttributeLoader;
  readonly clock: Clock;
  /** How long listings are believed; may change. */
  readonly ttl: { readonly ms: number };
  /** Enters a listing of a directory of which nothing is known; false when something is, by now. */
  readonly enter: (prefix: string, listing: Listing) => boolean;
  /** Lists the directory anew. */
  readonly refresh: (prefix: string) => Promise<Listing>;
  /** The names are not what was shown before. */
  readonly onRevised: (prefix: string, names: readonly string[]) => void;
}

export class RecalledListings {
  readonly #options: RecalledListingsOptions;
  readonly #loads = new Map<string, Promise<Listing | undefined>>();
  /** Until when an old listing is shown. */
  readonly #shownUntilMs = new WeakMap<Listing, number>();
  readonly #revisions = new Semaphore(REVISED_AT_ONCE);

  constructor(options: RecalledListingsOptions) {
    this.#options = options;
  }

  /** For how long a listing may be shown although it is old, in milliseconds. */
  remainingMs(listing: Listing): number {
    const untilMs = this.#shownUntilMs.get(listing);
    return untilMs === undefined ? 0 : Math.max(0, untilMs - this.#options.clock.monotonicMs());
  }

  /** The directory as it is on disk, if it has at most `namesMax` names. */
  recall(prefix: string, namesMax: number): Promise<Listing | undefined> | undefined {
    const load = this.#loads.get(prefix);
    if (load !== undefined) return load;
    if (!this.#options.kept.has(prefix, namesMax)) return undefined;
    const loading = this.#load(prefix).finally(() => this.#loads.delete(prefix));
    this.#loads.set(prefix, loading);
    return loading;
  }

  /** A new listing has taken the place of the old one. */
  settle(listing: Listing): void {
    this.#shownUntilMs.delete(listing);
  }

  async #load(prefix: string): Promise<Listing | undefined> {
    const { kept, clock, ttl, enter } = this.#options;
    const found = await kept.load(prefix);
    if (found === undefined) return undefined;
    const { listing, listedAtMs } = found;
    await this.#addAttributes(prefix, listing);
    const ageMs = clock.nowMs() - listedAtMs;
    const isYoung = ageMs >= 0 && ageMs < ttl.ms;
    listing.markComplete(isYoung ? clock.monotonicMs() + ttl.ms - ageMs : 0);
    if (!kept.isStill(prefix, found) || !enter(prefix, listing)) return undefined;
    if (!isYoung) {
      this.#shownUntilMs.set(listing, clock.monotonicMs() + SHOWN_MS);
      void this.#revise(prefix, listing);
    }
    return listing;
  }

  async #addAttributes(prefix: string, listing: Listing): Promise<void> {
    const { table } = listing;
    let after = "";
    for (let row = TURN_NAMES; row < table.rowCount; row += TURN_NAMES) {
      const last = table.shownName(row);
      // A directory "a" is listed as "a/", behind "a-b".
      if (last === undefined || compareKeys(last, after) <= 0) continue;
      this.#options.attributes.recall(prefix, listing, after, last);
      after = last;
      await nextTurn();
    }
    this.#options.attributes.recall(prefix, listing, after, undefined);
  }

  /** Lists the directory anew and tells what has changed. */
  async #revise(prefix: string, old: Listing): Promise<void> {
    const { table } = old;
    const release = await this.#revisions.acquire(NEVER);
    try {
      const listing = await this.#options.refresh(prefix);
      this.settle(old);
      const names = await differences(table, listing);
      if (names.length > 0) this.#options.onRevised(prefix, names);
    } catch {
      // Who asks next is told why, or is given the old listing once more.
    } finally {
      release();
    }
  }
}

/** The names that are in only one of both, or that are something else in each. */
async function differences(before: NameTable, after: Listing): Promise<string[]> {
  const names: string[] = [];
  for (let row = 0; row < before.rowCount; row++) {
    if (row % TURN_NAMES === TURN_NAMES - 1) await nextTurn();
    const name = before.shownName(row);
    if (name === undefined) continue;
    const file = before.file(row);
    const entry = after.get(name);
    const isSame = file === undefined
      ? entry?.kind === "directory"
      : entry?.kind === "file" && entry.etag === file.etag;
    if (!isSame) names.push(name);
  }
  let count = 0;
  for (const [name] of after.entries()) {
    if (++count % TURN_NAMES === 0) await nextTurn();
    if (!before.has(name)) names.push(name);
  }
  return names;
}
