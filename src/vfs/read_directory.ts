/**
 * readdir: the listing of a directory and what is only here, as of when it was first read.
 *
 * The rows of the listing come first, in their order, as soon as they are known, while the rest is on
 * its way; then what is beside them. A row keeps its number, so a cookie means the same while the
 * handle is open. What was removed meanwhile is left out; what is new may be.
 */
import { S_IFDIR } from "../base/posix.ts";
import { type ListedEntry, Listing } from "../listings/listing.ts";
import { NameTable } from "../listings/name_table.ts";
import {
  type Dirent,
  type Entry,
  FsError,
  type MaybePromise,
  type OpContext,
  UNKNOWN_INODE,
} from "./file_system.ts";
import { type DirectoryHandle, type DirectorySnapshot, DOTS } from "./handle_table.ts";
import { type DirectoryInode, fileTypeOf, type Inode } from "./inode.ts";
import { countsItself, hasLocal, type ListingRow, type Namespace } from "./namespace.ts";
import type { Volume } from "./volume.ts";

/** Takes an entry; false when it has no room for it. */
type Emit = (dirent: Dirent) => boolean;

/** Why `#emitKnown` has ended: no room, nothing more, or nothing more yet. */
type End = "full" | "end" | "more";

export class ReadDirectory {
  readonly #volume: Volume;
  readonly #namespace: Namespace;

  constructor(volume: Volume, namespace: Namespace) {
    this.#volume = volume;
    this.#namespace = namespace;
  }

  read(
    handle: DirectoryHandle,
    cookie: number,
    emit: Emit,
    { signal }: OpContext,
  ): MaybePromise<void> {
    // From the start again (rewinddir): with what has changed meanwhile.
    if (cookie > 0 && handle.snapshot !== undefined) {
      return this.#emit(handle.inode, handle.snapshot, cookie, emit, signal);
    }
    if (cookie > 0 && handle.toldBefore !== undefined) {
      return this.#resume(handle, handle.toldBefore, cookie, emit, signal);
    }
    handle.toldBefore = undefined;
    // Not timed: a large directory takes as long as its pages come, each of which has its own limit.
    return this.#listing(handle.inode, signal).then((listing) => {
      const snapshot = { listing, table: listing.table, beside: undefined };
      handle.snapshot = snapshot;
      return this.#emit(handle.inode, snapshot, cookie, emit, signal);
    });
  }

  /**
   * Goes on where an earlier process has stopped: what it told keeps its cookies; behind that come the
   * names that it did not tell.
   */
  async #resume(
    handle: DirectoryHandle,
    told: ReadonlyMap<number, string>,
    cookie: number,
    emit: Emit,
    signal: AbortSignal,
  ): Promise<void> {
    const { inode } = handle;
    const listing = await this.#listing(inode, signal);
    while (!listing.table.isWhole) {
      await this.#volume.options.listings.readOn(inode.prefix, listing, signal);
    }
    const table = new NameTable();
    table.isWhole = true;
    const beside: (string | undefined)[] = [];
    for (const [at, name] of told) beside[at - DOTS - 1] = name;
    // Of two calls at a time each finds the same.
    const isTold = new Set(told.values());
    const first = { listing, table: listing.table, beside: undefined };
    for (const [name] of listing.entries()) if (!isTold.has(name)) beside.push(name);
    for (const name of this.#beside(inode, first)) {
      if (!isTold.has(name) && listing.get(name) === undefined) beside.push(name);
    }
    const snapshot = handle.snapshot ??= { listing, table, beside };
    return await this.#emit(inode, snapshot, cookie, emit, signal);
  }

  #emit(
    inode: DirectoryInode,
    snapshot: DirectorySnapshot,
    cookie: number,
    emit: Emit,
    signal: AbortSignal,
  ): MaybePromise<void> {
    let isAny = false;
    const end = this.#emitKnown(inode, snapshot, cookie, (dirent) => {
      isAny = true;
      return emit(dirent);
    });
    // An answer without entries would be the end of the directory.
    if (end !== "more" || isAny) return;
    const { listings } = this.#volume.options;
    return listings.readOn(inode.prefix, snapshot.listing, signal)
      .then(() => this.#emit(inode, snapshot, cookie, emit, signal));
  }

  #emitKnown(
    inode: DirectoryInode,
    snapshot: DirectorySnapshot,
    cookie: number,
    emit: Emit,
  ): End {
    for (let index = cookie; index < DOTS; index++) {
      const { number } = index === 0 ? inode : inode.parent ?? inode;
      const name = index === 0 ? "." : "..";
      if (!emit({ name, ino: number, type: S_IFDIR, cookie: index + 1 })) return "full";
    }
    const { listing, table } = snapshot;
    const rows = knownRows(inode, snapshot);
    const { prefix } = inode;
    for (let row = Math.max(cookie - DOTS, 0); row < rows; row++) {
      const name = table.shownName(row);
      if (name === undefined) continue;
      const listed = listing.entryOfRow(table, row, name);
      const place = listing.isAsListed(table, name) ? { table, row } : undefined;
      if (!this.#emitOne(inode, prefix, name, listed, DOTS + row + 1, emit, place)) return "full";
    }
    if (!table.isWhole) return "more";
    const beside = snapshot.beside ??= this.#beside(inode, snapshot);
    const first = DOTS + table.rowCount;
    for (let index = Math.max(cookie - first, 0); index < beside.length; index++) {
      const name = beside[index];
      if (name === undefined) continue;
      const listed = listing.get(name);
      if (!this.#emitOne(inode, prefix, name, listed, first + index + 1, emit)) return "full";
    }
    return "end";
  }

  /** False when there was no room for it. */
  #emitOne(
    inode: DirectoryInode,
    prefix: string,
    name: string,
    entry: ListedEntry | undefined,
    cookie: number,
    emit: Emit,
    place?: ListingRow,
  ): boolean {
    const child = inode.children.peek(name);
    const listed = this.#unlessRemoved(prefix, name, entry);
    // Removed since the names were taken.
    if (listed === undefined && !(child !== undefined && isOnlyHere(child))) return true;
    return emit({
      name,
      ino: child?.number ?? inode.children.asleep?.numberAt(name, place) ?? UNKNOWN_INODE,
      type: child?.type ?? typeOf(listed!),
      cookie,
      entry: () => this.#entry(inode, name, listed, place),
    });
  }

  #entry(
    inode: DirectoryInode,
    name: string,
    listed: ListedEntry | undefined,
    place: ListingRow | undefined,
  ): Entry {
    const isFree = place !== undefined && inode.children.peek(name) === undefined;
    const entry = isFree && listed?.kind === "file"
      ? this.#namespace.rowEntryOf(inode, place, name, listed)
      : undefined;
    return entry ??
      this.#namespace.entryOf(inode, this.#namespace.resolve(inode, name, listed));
  }

  /** The names that are in no row of the listing. */
  #beside(inode: DirectoryInode, { listing, table }: DirectorySnapshot): string[] {
    const names = new Set(listing.namesBeside(table));
    for (const [name, child] of inode.children) {
      if (isOnlyHere(child) && !table.has(name)) names.add(name);
    }
    return [...names];
  }

  async #listing(directory: DirectoryInode, signal: AbortSignal): Promise<Listing> {
    if (!directory.unlinked && !directory.isNew) {
      return await this.#volume.options.listings.readInParts(directory.prefix, signal);
    }
    const nothing = new Listing();
    nothing.markComplete(0);
    return nothing;
  }

  /** The listed entry of a name that was not removed here. */
  #unlessRemoved(
    prefix: string,
    name: string,
    entry: ListedEntry | undefined,
  ): ListedEntry | undefined {
    if (entry === undefined) return undefined;
    const key = prefix + name + (entry.kind === "directory" ? "/" : "");
    return this.#volume.changes.isRemoved(key) ? undefined : entry;
  }
}

/** How many rows can be given now. */
function knownRows(inode: DirectoryInode, { listing, table }: DirectorySnapshot): number {
  if (table.isWhole) return table.rowCount;
  if (table === listing.table) return listing.settledRows();
  throw new FsError(
    "EIO",
    `Cannot read "${inode.prefix}" on: its listing broke off and was begun anew; read it again`,
  );
}

function typeOf(entry: ListedEntry): number {
  if (entry.kind === "directory") return S_IFDIR;
  return fileTypeOf(entry.attributes?.mode);
}

/** True for what a listing need not tell to be shown. */
function isOnlyHere(inode: Inode): boolean {
  return countsItself(inode) || (inode.kind === "directory" && hasLocal(inode));
}
