/**
 * Makes the listings of directories from flat pages (a LIST without a delimiter), which bring the keys
 * of a whole tree in their order: a directory is known when a key behind it has come. What such a page
 * says of a directory is what pages of the directory itself would say (add_page.ts).
 */
import { compareKeys } from "../s3/key_encoding.ts";
import type { ListPage } from "../s3/object_store.ts";
import { Listing } from "./listing.ts";
import type { NameRow } from "./name_table.ts";
import { isFileName } from "./names.ts";

/** When a page was asked for. */
export interface PageMark {
  /** Of `TouchedDirectories`. */
  readonly revision: number;
  /** Monotonic. */
  readonly atMs: number;
}

/** A directory of which every key was seen. */
export interface FlatDirectory {
  /** Ends with "/", or "" for the root. */
  readonly prefix: string;
  readonly listing: Listing;
  /** The keys in it that cannot be shown. */
  readonly hidden: readonly string[];
  /** The mark of the first page that could have had a key of it. */
  readonly since: PageMark;
}

/** A directory that the last key lies in. */
interface OpenDirectory {
  readonly prefix: string;
  /** False for what lies below a name that no file can have. */
  readonly isShown: boolean;
  /** False where the directory began before the first page: not all of it is seen. */
  readonly isWhole: boolean;
  readonly rows: NameRow[];
  readonly hidden: string[];
  readonly since: PageMark;
  hasMarker: boolean;
}

export interface FlatListingOptions {
  /** The prefix of all keys: "" or "a/b/". */
  readonly root: string;
  /** The pages bring keys behind this one; absent: from the first. */
  readonly startAfter?: string;
  /** True for a key that is to be deleted: it is not there, whatever a LIST says. */
  readonly isRemoved: (key: string) => boolean;
}

export class FlatListing {
  readonly #options: FlatListingOptions;
  /** From the root down: each holds the next. */
  readonly #open: OpenDirectory[] = [];
  #lastKey: string | undefined;

  constructor(options: FlatListingOptions) {
    this.#options = options;
  }

  /** The last key that has come, or that the pages begin behind. */
  get position(): string {
    return this.#lastKey ?? this.#options.startAfter ?? "";
  }

  /** How many names have come of a directory of which the last may be missing, but no others. */
  openSize(prefix: string): number | undefined {
    return this.#open.find((open) => open.isWhole && open.prefix === prefix)?.rows.length;
  }

  /** The least revision of the directories that are not complete; undefined when there is none. */
  get openSince(): number | undefined {
    return this.#open.find(({ isWhole }) => isWhole)?.since.revision;
  }

  /**
   * Enters the next page and returns the directories that are complete now, or undefined when the
   * endpoint does not keep to the order of keys: then nothing that it tells this way can be relied on.
   */
  add(page: ListPage, since: PageMark): FlatDirectory[] | undefined {
    const done: OpenDirectory[] = [];
    if (this.#open.length === 0) this.#enter(this.#options.root, true, since);
    for (const object of page.objects) {
      const { key } = object;
      const isInOrder = this.#lastKey === undefined || compareKeys(this.#lastKey, key) < 0;
      if (!isInOrder || !this.#isWanted(key)) return undefined;
      this.#lastKey = key;
      while (!key.startsWith(this.#open.at(-1)!.prefix)) done.push(this.#open.pop()!);
      const at = this.#descend(key, since);
      const name = key.slice(at.prefix.length);
      if (name === "") at.hasMarker = true;
      else if (!isFileName(name)) at.hidden.push(key);
      else if (!this.#options.isRemoved(key)) at.rows.push({ key: name, file: object });
    }
    if (page.nextToken === undefined) done.push(...this.#open.splice(0).reverse());
    return done.filter(({ isShown, isWhole }) => isShown && isWhole).map(listingOf);
  }

  #isWanted(key: string): boolean {
    const { root, startAfter } = this.#options;
    return key.startsWith(root) && (startAfter === undefined || compareKeys(startAfter, key) < 0);
  }

  /** Opens the directories that lie between the innermost open one and a key. */
  #descend(key: string, since: PageMark): OpenDirectory {
    let at = this.#open.at(-1)!;
    for (;;) {
      const slash = key.indexOf("/", at.prefix.length);
      if (slash < 0) return at;
      const name = key.slice(at.prefix.length, slash);
      const prefix = key.slice(0, slash + 1);
      const isName = isFileName(name);
      if (!isName) at.hidden.push(prefix);
      else if (!this.#options.isRemoved(prefix)) at.rows.push({ key: `${name}/` });
      at = this.#enter(prefix, at.isShown && isName, since);
    }
  }

  #enter(prefix: string, isShown: boolean, since: PageMark): OpenDirectory {
    const { startAfter } = this.#options;
    const isWhole = startAfter === undefined || compareKeys(startAfter, prefix) < 0;
    const open = { prefix, isShown, isWhole, rows: [], hidden: [], since, hasMarker: false };
    this.#open.push(open);
    return open;
  }
}

function listingOf(open: OpenDirectory): FlatDirectory {
  const { prefix, rows, hidden, since, hasMarker } = open;
  const listing = new Listing();
  listing.hasMarker = hasMarker;
  // A key that is both file and directory is shown as the directory.
  const outdone = listing.addRows(rows).map((name) => prefix + name);
  return { prefix, listing, hidden: [...hidden, ...outdone], since };
}
