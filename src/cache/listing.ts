/** What is known of the names in one directory. */
import { compareKeys } from "../s3/key_encoding.ts";
import type { PosixAttributes } from "./posix_metadata.ts";

export interface ListedFile {
  readonly kind: "file";
  /** In bytes. */
  readonly size: number;
  readonly etag: string;
  readonly lastModifiedMs: number;
  readonly storageClass?: string;
  /** What is known beyond the listing, for exactly this ETag. */
  readonly attributes?: PosixAttributes;
}

export interface ListedDirectory {
  readonly kind: "directory";
  readonly attributes?: PosixAttributes;
}

export type ListedEntry = ListedFile | ListedDirectory;

export class Listing {
  #entries = new Map<string, ListedEntry>();
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
  refresh: { readonly extent: "page" | "all"; readonly done: Promise<void> } | undefined;

  get size(): number {
    return this.#entries.size;
  }

  /** True when every name is known. */
  get complete(): boolean {
    return this.hasFirstPage && this.nextToken === undefined;
  }

  entries(): IterableIterator<[string, ListedEntry]> {
    return this.#entries.entries();
  }

  /** The names of the subdirectories. */
  directories(): string[] {
    const names: string[] = [];
    for (const [name, entry] of this.#entries) if (entry.kind === "directory") names.push(name);
    return names;
  }

  get(name: string): ListedEntry | undefined {
    return this.#entries.get(name);
  }

  /** True when it is known whether `name` exists. */
  knows(name: string): boolean {
    if (this.complete || this.#entries.has(name) || this.#absent.has(name)) return true;
    // A directory "name" is listed as "name/", which sorts behind other names that begin with it.
    return this.coveredTo !== undefined && compareKeys(name + "/", this.coveredTo) <= 0;
  }

  /** Enters what a LIST told. */
  add(name: string, entry: ListedEntry): void {
    this.#entries.set(name, entry);
  }

  /** Enters the answer to a question about one name. */
  learn(name: string, entry: ListedEntry | undefined): void {
    if (entry !== undefined) this.#entries.set(name, entry);
    else if (this.#absent.size < 10_000) this.#absent.add(name);
  }

  /** Enters a change made by this program. */
  set(name: string, entry: ListedEntry | undefined): void {
    this.#changes?.set(name, entry);
    if (entry === undefined) {
      this.#entries.delete(name);
      if (!this.complete) this.learn(name, undefined);
    } else {
      this.#absent.delete(name);
      this.#entries.set(name, entry);
    }
  }

  /** Enters that this program has deleted the object of a name; a name of another kind stays. */
  delete(name: string, kind: ListedEntry["kind"]): void {
    if (this.#changes !== undefined) this.#deleted.add(fullName(name, kind));
    if (this.#changes?.get(name)?.kind === kind) this.#changes.set(name, undefined);
    if (this.#entries.get(name)?.kind === kind) this.#entries.delete(name);
    if (!this.#entries.has(name) && !this.complete) this.learn(name, undefined);
  }

  /** Enters a directory that was not there until now. What a LIST says of it counts for more. */
  show(name: string, entry: ListedDirectory): void {
    if (this.#changes !== undefined) this.#shown.set(name, entry);
    if (!this.knows(name) || this.#entries.has(name)) return;
    this.#absent.delete(name);
    this.#entries.set(name, entry);
  }

  /** True when it was deleted since `noteChanges`; the names of directories end with "/". */
  wasDeleted(name: string): boolean {
    return this.#deleted.has(name);
  }

  /** Everything is known until `freshUntilMs`. */
  markComplete(freshUntilMs: number): void {
    this.hasFirstPage = true;
    this.nextToken = undefined;
    this.freshUntilMs = freshUntilMs;
  }

  /** From now on, changes are remembered for `applyChangesTo`. */
  noteChanges(): void {
    this.#changes ??= new Map();
  }

  /** Repeats the changes noted since on another listing, and ends the noting. */
  applyChangesTo(other: Listing): void {
    const changes = this.#changes;
    this.#changes = undefined;
    for (const [name, entry] of other.entries()) {
      if (this.#deleted.has(fullName(name, entry.kind))) other.delete(name, entry.kind);
    }
    this.#deleted.clear();
    for (const [name, entry] of this.#shown) {
      if (other.get(name) === undefined) other.set(name, entry);
    }
    this.#shown.clear();
    for (const [name, entry] of changes ?? []) other.set(name, entry);
  }

  /** Takes over the contents of another listing. */
  copyFrom(other: Listing): void {
    this.#entries = new Map(other.#entries);
    this.#absent = new Set(other.#absent);
    this.hasMarker = other.hasMarker;
    this.hasFirstPage = other.hasFirstPage;
    this.nextToken = other.nextToken;
    this.coveredTo = other.coveredTo;
    this.freshUntilMs = other.freshUntilMs;
  }
}

function fullName(name: string, kind: ListedEntry["kind"]): string {
  return kind === "directory" ? `${name}/` : name;
}
