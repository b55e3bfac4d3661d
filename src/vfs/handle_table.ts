/** Open files and directories by handle number. */
import type { Listing } from "../listings/listing.ts";
import type { NameTable } from "../listings/name_table.ts";
import type { FileReader } from "../content/file_reader.ts";
import { FsError, type HandleId } from "./file_system.ts";
import type { DirectoryInode, FileInode, Inode } from "./inode.ts";

/** One open(2) of a file. */
export interface FileHandle {
  readonly inode: FileInode;
  readonly writable: boolean;
  /** Its open(2) may have made the file. */
  readonly creates: boolean;
  readonly reader: FileReader;
  /** Something was read through it. */
  isRead: boolean;
}

/** One opendir(3). */
export interface DirectoryHandle {
  readonly inode: DirectoryInode;
  snapshot: DirectorySnapshot | undefined;
  /** The greatest cookie that its reader was given. */
  toldTo: number;
  /** It was opened by an earlier process, which has told these names, by their cookies. */
  toldBefore?: ReadonlyMap<number, string> | undefined;
}

/** A directory as of its first read through a handle. */
export interface DirectorySnapshot {
  /** What is known of the names now: it goes on being kept up to date. */
  readonly listing: Listing;
  /** The names: rows of the listing as it was then, which may still become more. */
  readonly table: NameTable;
  /** The names in no row, with gaps perhaps; undefined until the table is whole. */
  beside: readonly (string | undefined)[] | undefined;
}

/** "." and ".." come first in a directory. */
export const DOTS = 2;

/** The names that were told to a directory's reader, by their cookies. */
export function* toldNames(
  { snapshot, toldTo, toldBefore }: DirectoryHandle,
): Generator<readonly [number, string]> {
  if (snapshot === undefined) {
    if (toldBefore !== undefined) yield* toldBefore;
    return;
  }
  const { table, beside } = snapshot;
  const first = DOTS + table.rowCount;
  for (let cookie = DOTS + 1; cookie <= toldTo; cookie++) {
    const name = cookie <= first
      ? table.shownName(cookie - DOTS - 1)
      : beside?.[cookie - first - 1];
    if (name !== undefined) yield [cookie, name];
  }
}

export class HandleTable<Handle extends { readonly inode: Inode }> {
  readonly #handles = new Map<HandleId, Handle>();
  #last = 0;

  get size(): number {
    return this.#handles.size;
  }

  entries(): IterableIterator<[HandleId, Handle]> {
    return this.#handles.entries();
  }

  /** Puts back a handle of an earlier process. */
  restore(id: HandleId, handle: Handle): void {
    this.#last = Math.max(this.#last, id);
    this.#handles.set(id, handle);
    handle.inode.handles++;
  }

  /** Adds a handle, which holds its inode. */
  add(handle: Handle): HandleId {
    const id = ++this.#last as HandleId;
    this.#handles.set(id, handle);
    handle.inode.handles++;
    return id;
  }

  /** Throws EBADF for a number that is not in use. */
  get(id: HandleId): Handle {
    const handle = this.#handles.get(id);
    if (handle === undefined) throw new FsError("EBADF", `There is no handle ${id}`);
    return handle;
  }

  /** Takes a handle out; undefined when it is not there. */
  remove(id: HandleId): Handle | undefined {
    const handle = this.#handles.get(id);
    if (handle !== undefined) {
      this.#handles.delete(id);
      handle.inode.handles--;
    }
    return handle;
  }
}
