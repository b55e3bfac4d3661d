/** What is known of the names in one directory. */
import { compareKeys } from "../s3/key_encoding.ts";
import { type FileFacts, isInOrder, type NameRow, NameTable } from "./name_table.ts";
import type { PosixAttributes } from "./posix_metadata.ts";

export interface ListedFile extends FileFacts {
  readonly kind: "file";
  /** What is known beyond the listing, for exactly this ETag. */
  readonly attributes?: PosixAttributes;
}

export interface ListedDirectory {
  readonly kind: "directory";
  readonly attributes?: PosixAttributes;
}

export type ListedEntry = ListedFile | ListedDirectory;

/** A LIST that is under way. */
export interface ListingRefresh {
  readonly extent: "page" | "all";
  /** Its end. */
  readonly done: Promise<void>;
  /** Resolves when the next page is in the listing, if it shows pages as they come. */
  readonly grown: Promise<void>;
}

const PLAIN_DIRECTORY: ListedDirectory = { kind: "directory" };

export class Listing {
  /** What LISTs have told. */
  #table = new NameTable();
  /** What counts for more than the table: an entry, or undefined for a name that is not there. */
  #own = new Map<string, ListedEntry | undefined>();
  /** Which of these are directories: asked for after every change, however many names there are. */
  #ownDirectories = new Set<string>();
  #size = 0;
  /** The row that `names` came to last. */
  #lastNamed = Infinity;
  /** Names known not to exist, asked for one by one in a directory not read to its end. */
  #absent = new Set<string>();
  /** Changes made here while a LIST is under way, which may not have seen them. */
  #changes: Map<string, ListedEntry | undefined> | undefined;
  /** Those of them that are deletions; the names of directories end with "/". */
  readonly #deleted = new Set<string>();
  /** Directories that came to be by what was put into them, while a LIST is under way. */
  readonly #shown = new Map<string, ListedDirectory>();

  /** The directory has an object of its own ("a/b/"). */
  hasMarker = false;
  /** At least one page was read. */
  hasFirstPage = false;
  /** Where the listing goes on; absent when it was read to its end (or not begun). */
  nextToken: string | undefined;
  /** All names up to this one (in the order of keys) are known. */
  coveredTo: string | undefined;
  /** Monotonic time until which this is believed. */
  freshUntilMs = 0;
  /** Why nothing is known of the directory, and until when that is not tried again. */
  failure: { readonly error: Error; readonly untilMs: number } | undefined;
  /** The LIST under way. */
  refresh: ListingRefresh | undefined;

  /** How many names are known. */
  get size(): number {
    return this.#size;
  }

  /** True when every name is known. */
  get complete(): boolean {
    return this.hasFirstPage && this.nextToken === undefined;
  }

  /** What LISTs have told, row by row; `entryOfRow` says what of it still is so. */
  get table(): NameTable {
    return this.#table;
  }

  *entries(): IterableIterator<[string, ListedEntry]> {
    const table = this.#table;
    for (let row = 0; row < table.rowCount; row++) {
      const name = table.shownName(row);
      if (name === undefined || this.#own.has(name)) continue;
      yield [name, table.file(row) ?? PLAIN_DIRECTORY];
    }
    for (const [name, entry] of this.#own) if (entry !== undefined) yield [name, entry];
  }

  /**
   * The names, first the one that came last when this was asked before: in whatever order names are removed,
   * one that is left is found after few that are not.
   */
  *names(): IterableIterator<string> {
    const table = this.#table;
    const { rowCount } = table;
    const first = Math.min(this.#lastNamed, rowCount - 1);
    for (let passed = 0; passed < rowCount; passed++) {
      const row = (first - passed + rowCount) % rowCount;
      const name = table.shownName(row);
      if (name === undefined || (this.#own.has(name) && this.get(name) === undefined)) continue;
      this.#lastNamed = row;
      yield name;
    }
    for (const [name, entry] of this.#own) {
      if (entry !== undefined && !table.has(name)) yield name;
    }
  }

  /** The names of the subdirectories. */
  directories(): string[] {
    const names = this.#table.directories();
    const listed = this.#own.size === 0 ? names : names.filter((name) => !this.#own.has(name));
    return [...listed, ...this.#ownDirectories];
  }

  /** There are no more subdirectories than this; told without looking at names. */
  get directoriesMax(): number {
    return this.#table.directoryCount + this.#ownDirectories.size;
  }

  get(name: string): ListedEntry | undefined {
    const own = this.#own.get(name);
    if (own !== undefined || this.#own.has(name)) return own;
    const row = this.#table.findShown(name);
    return row < 0 ? undefined : this.#table.file(row) ?? PLAIN_DIRECTORY;
  }

  /** So many rows of the table will stay what they are, though the rest is not listed yet. */
  settledRows(): number {
    const { coveredTo } = this;
    if (coveredTo === undefined) return this.#table.rowCount;
    // A file is a directory after all if "name/" comes, which can only be when "name" begins the last key.
    for (let end = 1; end <= coveredTo.length; end++) {
      if (end < coveredTo.length && coveredTo[end]! >= "/") continue;
      const row = this.#table.find(coveredTo.slice(0, end));
      if (row >= 0) return row;
    }
    return this.#table.rowCount;
  }

  /** What is known now of the name in a row of `table`, which may be one of an earlier LIST. */
  entryOfRow(table: NameTable, row: number, name: string): ListedEntry | undefined {
    if (!this.isAsListed(table, name)) return this.get(name);
    return table.file(row) ?? PLAIN_DIRECTORY;
  }

  /** True when nothing more is known of a name in `table` than what stands there. */
  isAsListed(table: NameTable, name: string): boolean {
    return table === this.#table && (this.#own.size === 0 || !this.#own.has(name));
  }

  /** The row of a file of which no more is known than what stands there; -1 when there is none. */
  rowOfFile(name: string): number {
    const row = this.#own.has(name) ? -1 : this.#table.findShown(name);
    return row < 0 || this.#table.isDirectory(row) ? -1 : row;
  }

  /** The names that are in no row of `table`. */
  namesBeside(table: NameTable): string[] {
    const names: string[] = [];
    for (const [name, entry] of table === this.#table ? this.#own : this.entries()) {
      if (entry !== undefined && !table.has(name)) names.push(name);
    }
    return names;
  }

  /** The entries listed behind `name` (undefined: from the first one), at most `count`; none when no LIST told it. */
  following(name: string | undefined, count: number): [string, ListedEntry][] {
    const found: [string, ListedEntry][] = [];
    const before = name === undefined ? -1 : this.#table.findShown(name);
    if (name !== undefined && before < 0) return found;
    for (let row = before + 1; row < this.#table.rowCount && found.length < count; row++) {
      const next = this.#table.shownName(row);
      const entry = next === undefined ? undefined : this.entryOfRow(this.#table, row, next);
      if (next !== undefined && entry !== undefined) found.push([next, entry]);
    }
    return found;
  }

  /** True when it is known whether `name` exists. */
  knows(name: string): boolean {
    if (this.complete || this.#absent.has(name) || this.#has(name)) return true;
    // A directory "name" is listed as "name/", which sorts behind other names that begin with it.
    return this.coveredTo !== undefined && compareKeys(name + "/", this.coveredTo) <= 0;
  }

  /**
   * Enters what a page of a LIST told. Returns the names of files that cannot be shown, as there are
   * directories of the same names.
   */
  addRows(rows: readonly NameRow[]): string[] {
    if (!isInOrder(rows, this.#table.lastKey)) return this.#addUnsorted(rows);
    const hasDirectories = rows.some(({ file }) => file === undefined);
    const files = new Set<string>();
    for (const { key, file } of rows) {
      const name = file === undefined ? key.slice(0, -1) : key;
      // The row of a file is the first of its name.
      const isKnown = file === undefined
        ? files.has(name) || this.#has(name)
        : this.#own.get(name) !== undefined;
      if (!isKnown) this.#size++;
      if (hasDirectories && file !== undefined) files.add(name);
      // It was asked for alone, or made here before this LIST.
      this.#forgetOwn(name);
    }
    return this.#table.append(rows);
  }

  /** Enters what was found out about a name. */
  add(name: string, entry: ListedEntry): void {
    this.#put(name, entry);
  }

  /** Enters the answer to a question about one name. */
  learn(name: string, entry: ListedEntry | undefined): void {
    if (entry !== undefined) this.#put(name, entry);
    else if (this.#absent.size < 10_000) this.#absent.add(name);
  }

  /** Enters a change made by this program. */
  set(name: string, entry: ListedEntry | undefined): void {
    this.#changes?.set(name, entry);
    this.#enter(name, entry);
  }

  /** Enters that this program has deleted the object of a name; a name of another kind stays. */
  delete(name: string, kind: ListedEntry["kind"]): void {
    if (this.#changes !== undefined) this.#deleted.add(fullName(name, kind));
    if (this.#changes?.get(name)?.kind === kind) this.#changes.set(name, undefined);
    const entry = this.get(name);
    if (entry?.kind === kind) this.#put(name, undefined);
    if ((entry === undefined || entry.kind === kind) && !this.complete) this.learn(name, undefined);
  }

  /** Enters a directory that was not there until now. What a LIST says of it counts for more. */
  show(name: string, entry: ListedDirectory): void {
    if (this.#changes !== undefined) this.#shown.set(name, entry);
    if (!this.knows(name) || this.#has(name)) return;
    this.#absent.delete(name);
    this.#put(name, entry);
  }

  /** True when it was deleted since `noteChanges`; the names of directories end with "/". */
  wasDeleted(name: string): boolean {
    return this.#deleted.size > 0 && this.#deleted.has(name);
  }

  /** Everything is known until `freshUntilMs`. */
  markComplete(freshUntilMs: number): void {
    this.hasFirstPage = true;
    this.nextToken = undefined;
    this.coveredTo = undefined;
    this.freshUntilMs = freshUntilMs;
    this.#table.isWhole = true;
  }

  /** From now on, changes are remembered for `applyChangesTo`. */
  noteChanges(): void {
    this.#changes ??= new Map();
  }

  /** Repeats the changes noted since on another listing, and ends the noting. */
  applyChangesTo(other: Listing): void {
    for (const full of this.#deleted) {
      if (full.endsWith("/")) other.delete(full.slice(0, -1), "directory");
      else other.delete(full, "file");
    }
    for (const [name, entry] of this.#shown) if (!other.#has(name)) other.#enter(name, entry);
    for (const [name, entry] of this.#changes ?? []) other.#enter(name, entry);
    this.endNoting();
  }

  /** Repeats them here, over a page that was just added. */
  repeatChanges(): void {
    for (const [name, entry] of this.#shown) if (!this.#has(name)) this.#put(name, entry);
    for (const [name, entry] of this.#changes ?? []) this.#enter(name, entry);
  }

  /** Changes are not remembered any more. */
  endNoting(): void {
    this.#changes = undefined;
    this.#deleted.clear();
    this.#shown.clear();
  }

  /** Forgets all names, for they are listed anew. */
  clear(): void {
    this.takeFrom(new Listing());
  }

  /** Takes over the contents of another listing, which must not be used any more. */
  takeFrom(other: Listing): void {
    this.#table = other.#table;
    this.#own = other.#own;
    this.#ownDirectories = other.#ownDirectories;
    this.#size = other.#size;
    this.#absent = other.#absent;
    this.hasMarker = other.hasMarker;
    this.hasFirstPage = other.hasFirstPage;
    this.nextToken = other.nextToken;
    this.coveredTo = other.coveredTo;
    this.freshUntilMs = other.freshUntilMs;
  }

  #enter(name: string, entry: ListedEntry | undefined): void {
    this.#put(name, entry);
    if (entry !== undefined) this.#absent.delete(name);
    else if (!this.complete) this.learn(name, undefined);
  }

  #has(name: string): boolean {
    const own = this.#own.get(name);
    return own !== undefined || (!this.#own.has(name) && this.#table.has(name));
  }

  #put(name: string, entry: ListedEntry | undefined): void {
    if (this.#has(name)) this.#size--;
    if (entry !== undefined) this.#size++;
    // What is not there is to be noted only where a row says that it is, or may do so with the next page.
    if (entry !== undefined || this.#changes !== undefined || this.#table.has(name)) {
      this.#own.set(name, entry);
      if (entry?.kind === "directory") this.#ownDirectories.add(name);
      else this.#ownDirectories.delete(name);
    } else {
      this.#forgetOwn(name);
    }
  }

  #forgetOwn(name: string): void {
    this.#own.delete(name);
    this.#ownDirectories.delete(name);
  }

  /** Some servers list in another order than that of the keys' bytes. */
  #addUnsorted(rows: readonly NameRow[]): string[] {
    const hidden: string[] = [];
    for (const { key, file } of rows) {
      const name = file === undefined ? key.slice(0, -1) : key;
      const known = this.get(name)?.kind;
      if (known !== undefined && (known === "file") !== (file !== undefined)) hidden.push(name);
      if (file === undefined) this.#put(name, PLAIN_DIRECTORY);
      else if (known !== "directory") this.#put(name, fileOf(file));
    }
    return hidden;
  }
}

/** `facts` may be of an object that has more. */
function fileOf({ size, etag, lastModifiedMs, storageClass }: FileFacts): ListedFile {
  const file = { kind: "file", size, etag, lastModifiedMs } as const;
  return storageClass === undefined ? file : { ...file, storageClass };
}

function fullName(name: string, kind: ListedEntry["kind"]): string {
  return kind === "directory" ? `${name}/` : name;
}
