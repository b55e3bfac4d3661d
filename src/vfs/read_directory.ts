/** readdir: the listing of a directory and what is only here, as of when it was first read. */
import { S_IFDIR } from "../base/posix.ts";
import { type ListedEntry, Listing } from "../cache/listing.ts";
import { type Dirent, type MaybePromise, type OpContext, UNKNOWN_INODE } from "./file_system.ts";
import type { DirectoryHandle, DirectorySnapshot } from "./handle_table.ts";
import { type DirectoryInode, fileTypeOf, type Inode } from "./inode.ts";
import { countsItself, hasLocal, type Namespace } from "./namespace.ts";
import type { Volume } from "./volume.ts";

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
    emit: (dirent: Dirent) => boolean,
    context: OpContext,
  ): MaybePromise<void> {
    // From the start again (rewinddir): with what has changed meanwhile.
    if (cookie > 0 && handle.snapshot !== undefined) {
      return this.#emit(handle.inode, handle.snapshot, cookie, emit);
    }
    // Not timed: a large directory takes as long as its pages come, each of which has its own limit.
    return this.#take(handle.inode, context.signal).then((snapshot) => {
      handle.snapshot = snapshot;
      return this.#emit(handle.inode, snapshot, cookie, emit);
    });
  }

  #emit(
    inode: DirectoryInode,
    { names, listing }: DirectorySnapshot,
    cookie: number,
    emit: (dirent: Dirent) => boolean,
  ): void {
    for (let index = cookie; index < names.length; index++) {
      const name = names[index]!;
      const position = index + 1;
      if (index < DOTS.length) {
        const { number } = index === 0 ? inode : inode.parent ?? inode;
        if (!emit({ name, ino: number, type: S_IFDIR, cookie: position })) return;
        continue;
      }
      const child = inode.children.get(name);
      const listed = this.#shown(inode, name, listing);
      // Removed since the names were taken.
      if (listed === undefined && !(child !== undefined && isOnlyHere(child))) continue;
      const taken = emit({
        name,
        ino: child?.number ?? UNKNOWN_INODE,
        type: child?.type ?? typeOf(listed!),
        cookie: position,
        entry: () => this.#namespace.entryOf(inode, this.#namespace.resolve(inode, name, listed)),
      });
      if (!taken) return;
    }
  }

  async #take(directory: DirectoryInode, signal: AbortSignal): Promise<DirectorySnapshot> {
    if (directory.unlinked) return { names: DOTS, listing: new Listing() };
    const listing = directory.isNew
      ? new Listing()
      : await this.#volume.options.listings.readAll(directory.prefix, signal);
    const names = [...DOTS];
    for (const [name] of listing.entries()) {
      if (this.#shown(directory, name, listing) !== undefined) names.push(name);
    }
    for (const [name, child] of directory.children) {
      if (isOnlyHere(child) && this.#shown(directory, name, listing) === undefined) {
        names.push(name);
      }
    }
    return { names, listing };
  }

  /** The listed entry of a name that was not removed here. */
  #shown(directory: DirectoryInode, name: string, listing: Listing): ListedEntry | undefined {
    const entry = listing.get(name);
    if (entry === undefined) return undefined;
    const key = directory.prefix + name + (entry.kind === "directory" ? "/" : "");
    return this.#volume.changes.isRemoved(key) ? undefined : entry;
  }
}

const DOTS: readonly string[] = [".", ".."];

function typeOf(entry: ListedEntry): number {
  if (entry.kind === "directory") return S_IFDIR;
  return fileTypeOf(entry.attributes?.mode);
}

/** True for what a listing need not tell to be shown. */
function isOnlyHere(inode: Inode): boolean {
  return countsItself(inode) || (inode.kind === "directory" && hasLocal(inode));
}
