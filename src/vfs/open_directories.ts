/** Opening, reading and closing directories. */
import type {
  Dirent,
  HandleId,
  InodeNumber,
  MaybePromise,
  OpContext,
  OpenReply,
} from "./file_system.ts";
import { type DirectoryHandle, DOTS, HandleTable } from "./handle_table.ts";
import type { Namespace } from "./namespace.ts";
import { ReadDirectory } from "./read_directory.ts";
import type { Volume } from "./volume.ts";

export class OpenDirectories {
  readonly handles: HandleTable<DirectoryHandle> = new HandleTable();
  readonly #volume: Volume;
  readonly #reads: ReadDirectory;

  constructor(volume: Volume, namespace: Namespace) {
    this.#volume = volume;
    this.#reads = new ReadDirectory(volume, namespace);
  }

  open(ino: InodeNumber): OpenReply {
    const inode = this.#volume.inodes.directory(ino);
    const handle = { inode, snapshot: undefined, toldTo: 0 };
    const fh = this.handles.add(handle);
    this.#volume.log?.openedDirectory(fh, handle);
    return { fh };
  }

  /** readdir() */
  read(
    fh: HandleId,
    cookie: number,
    emit: (dirent: Dirent) => boolean,
    context: OpContext,
  ): MaybePromise<void> {
    const handle = this.handles.get(fh);
    const { log } = this.#volume;
    if (log === undefined) return this.#reads.read(handle, cookie, emit, context);
    if (cookie === 0) {
      handle.toldTo = 0;
      log.openedDirectory(fh, handle);
    }
    const emitNoted = (dirent: Dirent) => {
      if (!emit(dirent)) return false;
      handle.toldTo = Math.max(handle.toldTo, dirent.cookie);
      if (dirent.cookie > DOTS) log.named(fh, dirent.cookie, dirent.name);
      return true;
    };
    return this.#reads.read(handle, cookie, emitNoted, context);
  }

  release(fh: HandleId): void {
    const handle = this.handles.remove(fh);
    if (handle === undefined) return;
    this.#volume.log?.closedDirectory(fh);
    this.#volume.inodes.release(handle.inode);
  }
}
