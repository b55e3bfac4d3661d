/**
 * The pages of a directory in the order of keys, asked for ahead of who reads them.
 *
 * A page tells where the next one begins, so pages come one after another: in a directory of 100,000
 * names a hundred round trips. Where these are long, what is not yet listed is parted in two at a
 * guessed key (`startAfter`), and both halves are listed side by side; the first goes on until it
 * meets the second. When one half is done, the rest of the other is parted again. A part costs one
 * request more than listing on would, so the parts are at most one for every ten pages.
 *
 * A guess is never trusted: pages of a part are held back until those before them have come, names
 * come once, and where the endpoint does not keep to the order of keys, or does not begin where it is
 * told to, the parts are dropped and the first listing goes on by itself.
 */
import type { Clock } from "../base/clock.ts";
import { compareKeys } from "../s3/key_encoding.ts";
import type { ListPage } from "../s3/object_store.ts";
import { middleKey } from "./middle_key.ts";

/** A page that takes so long is worth a request more: it is the way, not the work, that costs time. */
const SLOW_MS = 20;
/** Listings side by side. */
const PARTS_MAX = 2;
/** Pages for each part beyond the first split. */
const PAGES_PER_SPLIT = 10;
/** Pages that one part is ahead: 400 kB each, until they are read. */
const AHEAD_MAX = 100;
/** The first part is read as it comes. */
const FRONT_AHEAD_MAX = 2;

export interface OrderedPagesOptions {
  readonly clock: Clock;
  /** All keys begin with it. */
  readonly prefix: string;
  /** Asks for a page. */
  readonly list: (
    from: { readonly token?: string; readonly startAfter?: string },
  ) => Promise<ListPage>;
  /** Where to begin; absent: at the start. */
  readonly token?: string;
  /** One page is all that is wanted. */
  readonly isOnePage: boolean;
  /** Keys behind each other, from a guess on, may be asked for. */
  readonly maySplit: boolean;
  /** The endpoint does not do what a split needs. */
  readonly onMisorder: () => void;
}

/** A range of keys that is listed page by page. */
interface Part {
  /** It begins behind this key; undefined for the first part. */
  readonly startAfter: string | undefined;
  /** Not yet read. */
  readonly pages: ListPage[];
  token: string | undefined;
  /** The last key that has come; undefined until a page has. */
  last: string | undefined;
  /** The part before has brought the keys up to this one. */
  knownTo: string | undefined;
  /** All up to the next part has come. */
  isDone: boolean;
  /** Under way; never rejects. */
  request: Promise<void> | undefined;
  failure: { readonly error: unknown } | undefined;
}

export class OrderedPages {
  readonly #options: OrderedPagesOptions;
  /** In the order of keys; the first is the one that is read. */
  #parts: Part[];
  /** The first key of all. */
  #first: string | undefined;
  #pageCount = 0;
  #splitCount = 0;
  #maySplit: boolean;
  #isClosed = false;

  constructor(options: OrderedPagesOptions) {
    this.#options = options;
    this.#maySplit = options.maySplit && !options.isOnePage;
    this.#parts = [partFrom(undefined, options.token)];
  }

  /** The next page, or undefined behind the last one. `nextToken` is where to go on behind it. */
  async next(): Promise<ListPage | undefined> {
    for (;;) {
      const front = this.#parts[0];
      if (front === undefined) return undefined;
      this.#goOn(front);
      const page = front.pages.shift();
      if (page !== undefined) {
        this.#goOn(front);
        return front.knownTo === undefined ? page : pageBehind(page, front.knownTo);
      }
      const following = this.#parts[1];
      if (front.isDone && following?.last === undefined && following?.request !== undefined) {
        // Until it is certain that the endpoint begins where it is told to.
        await following.request;
      } else if (front.isDone) this.#passOver(front);
      else if (front.failure !== undefined) throw front.failure.error;
      else await front.request;
    }
  }

  /** Asks for no more pages. */
  close(): void {
    this.#isClosed = true;
  }

  /** The first part is read to its end: of the next one, what comes behind. */
  #passOver(front: Part): void {
    this.#parts.shift();
    const next = this.#parts[0];
    if (next !== undefined) next.knownTo = front.last;
  }

  #goOn(part: Part): void {
    const isFront = part === this.#parts[0];
    const isAhead = part.pages.length >= (isFront ? FRONT_AHEAD_MAX : AHEAD_MAX);
    if (part.isDone || part.failure !== undefined || part.request !== undefined) return;
    if (isAhead || this.#isClosed) return;
    part.request = this.#request(part);
  }

  async #request(part: Part): Promise<void> {
    const { clock, list } = this.#options;
    const { token, startAfter } = part;
    const fromMs = clock.monotonicMs();
    try {
      const page = await list({
        ...(token === undefined ? {} : { token }),
        ...(startAfter === undefined || token !== undefined ? {} : { startAfter }),
      });
      part.request = undefined;
      // It may have been dropped meanwhile.
      if (this.#parts.includes(part)) this.#enter(part, page, clock.monotonicMs() - fromMs);
    } catch (error) {
      part.request = undefined;
      part.failure = { error };
      // An endpoint may not know startAfter at all.
      if (part !== this.#parts[0] && part.last === undefined) this.#dropParts();
    }
  }

  #enter(part: Part, page: ListPage, tookMs: number): void {
    const { objects, prefixes, nextToken } = page;
    const after = part.last ?? part.startAfter;
    const isFront = part === this.#parts[0];
    if (this.#maySplit && !(isAscending(objects, after) && isAscending(prefixes, after))) {
      this.#options.onMisorder();
      if (!isFront) return this.#dropParts();
      this.#maySplit = false;
      this.#parts = [part];
    }
    this.#pageCount++;
    this.#first ??= greaterOrLess(objects[0]?.key, prefixes[0], -1);
    part.last = greaterOrLess(objects.at(-1)?.key, prefixes.at(-1), 1) ?? part.last;
    part.token = nextToken;
    part.pages.push(page);
    // At the end of all, parts behind it have nothing more to tell.
    if (nextToken === undefined) this.#parts.splice(this.#parts.indexOf(part) + 1);
    part.isDone = nextToken === undefined || this.#options.isOnePage || this.#meetsNext(part);
    this.#goOn(part);
    if (tookMs >= SLOW_MS) this.#split(page);
  }

  #meetsNext(part: Part): boolean {
    const next = this.#parts[this.#parts.indexOf(part) + 1];
    if (next === undefined || part.last === undefined) return false;
    return compareKeys(part.last, next.startAfter!) >= 0;
  }

  /** Parts the rest of the one part that is not done, when that is allowed. */
  #split(page: ListPage): void {
    const open = this.#parts.filter((part) => !part.isDone);
    const [part] = open;
    // So many would have come without splits, at least.
    const pages = this.#pageCount - this.#splitCount;
    const isPaid = this.#splitCount === 0 || (this.#splitCount + 1) * PAGES_PER_SPLIT <= pages;
    if (part === undefined || open.length >= PARTS_MAX || !this.#maySplit || !isPaid) return;
    const low = part.last ?? part.startAfter;
    if (low === undefined || this.#first === undefined) return;
    const index = this.#parts.indexOf(part) + 1;
    const { prefix } = this.#options;
    const keys = page.objects.length > 0
      ? page.objects.map(({ key }) => key.slice(prefix.length))
      : page.prefixes.map((directory) => directory.slice(prefix.length, -1));
    const high = this.#parts[index]?.startAfter;
    const name = middleKey({
      keys,
      first: this.#first.slice(prefix.length),
      low: low.slice(prefix.length),
      high: high?.slice(prefix.length),
    });
    if (name === undefined) return;
    const middle = prefix + name;
    if (compareKeys(low, middle) >= 0) return;
    if (high !== undefined && compareKeys(middle, high) >= 0) return;
    this.#splitCount++;
    const added = partFrom(middle, undefined);
    this.#parts.splice(index, 0, added);
    this.#goOn(added);
  }

  /** What is not certain is asked for again, one page after another. */
  #dropParts(): void {
    this.#maySplit = false;
    const front = this.#parts[0]!;
    this.#parts = [front];
    front.isDone = front.last !== undefined && front.token === undefined;
    this.#goOn(front);
  }
}

function partFrom(startAfter: string | undefined, token: string | undefined): Part {
  return {
    startAfter,
    token,
    pages: [],
    last: undefined,
    knownTo: undefined,
    isDone: false,
    request: undefined,
    failure: undefined,
  };
}

/** What of a page comes behind a key. */
function pageBehind(page: ListPage, after: string): ListPage {
  const objects = page.objects.filter(({ key }) => compareKeys(key, after) > 0);
  const prefixes = page.prefixes.filter((prefix) => compareKeys(prefix, after) > 0);
  return { ...page, objects, prefixes };
}

function isAscending(
  names: readonly (string | { readonly key: string })[],
  after: string | undefined,
): boolean {
  let last = after;
  for (const name of names) {
    const key = typeof name === "string" ? name : name.key;
    if (last !== undefined && compareKeys(last, key) >= 0) return false;
    last = key;
  }
  return true;
}

/** The greater (`sign` 1) or the lesser (-1) of two keys, of which either may be missing. */
function greaterOrLess(
  a: string | undefined,
  b: string | undefined,
  sign: 1 | -1,
): string | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return compareKeys(a, b) * sign > 0 ? a : b;
}
