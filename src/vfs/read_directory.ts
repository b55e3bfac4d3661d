/** readdir: the listing of a directory and what is only here, as of when it was first read. */
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from "../base/posix.ts";
import { type ListedEntry, Listing } from "../cache/listing.ts";
import { type Dirent, type MaybePromise, type OpContext, UNKNOWN_INODE } from "./file_system.ts";
import type { DirectoryHandle, DirectorySnapshot } from "./handle_table.ts";
import type { DirectoryInode } from "./inode.ts";
import type { Namespace } from "./namespace.ts";
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
      const listed = listing.get(name);
      // Removed since the names were taken.
      if (listed === undefined && !(child?.kind === "file" && child.local)) continue;
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
    const listing = await this.#volume.options.listings.readAll(directory.prefix, signal);
    const names = [...DOTS];
    for (const [name] of listing.entries()) names.push(name);
    for (const [name, child] of directory.children) {
      const localOnly = child.kind === "file" && child.local && listing.get(name) === undefined;
      if (localOnly) names.push(name);
    }
    return { names, listing };
  }
}

const DOTS: readonly string[] = [".", ".."];

function typeOf(entry: ListedEntry): number {
  if (entry.kind === "directory") return S_IFDIR;
  const mode = entry.attributes?.mode ?? 0;
  return (mode & S_IFMT) === S_IFLNK ? S_IFLNK : S_IFREG;
}
