/** Opening and closing files. */
import type { FileContent } from "./file_content.ts";
import {
  FsError,
  type HandleId,
  type MaybePromise,
  type OpContext,
  type OpenReply,
} from "./file_system.ts";
import { type FileHandle, HandleTable } from "./handle_table.ts";
import type { FileInode } from "./inode.ts";
import { O_TRUNC, opensForWriting } from "./open_flags.ts";
import type { ReadFile } from "./read_file.ts";
import type { SiblingReadahead } from "./sibling_readahead.ts";
import type { Volume } from "./volume.ts";

export class OpenFiles {
  readonly #volume: Volume;
  readonly #content: FileContent;
  readonly #reads: ReadFile;
  readonly #siblings: SiblingReadahead;
  readonly #handles = new HandleTable<FileHandle>();

  constructor(
    volume: Volume,
    content: FileContent,
    reads: ReadFile,
    siblings: SiblingReadahead,
  ) {
    this.#volume = volume;
    this.#content = content;
    this.#reads = reads;
    this.#siblings = siblings;
  }

  get size(): number {
    return this.#handles.size;
  }

  /** `creates`: the file may have been made by this open(2). */
  open(inode: FileInode, flags: number, creates: boolean): OpenReply {
    if (inode.unlinked && inode.handles === 0) {
      // Removed between the kernel's lookup and this: it looks the name up again.
      throw new FsError("ESTALE", `"${inode.name}" was removed or replaced`);
    }
    if (inode.isSymlink) throw new FsError("ELOOP", `"${inode.key}" is a symbolic link`);
    const writable = opensForWriting(flags);
    if (writable) this.#volume.checkWritable();
    if ((flags & O_TRUNC) !== 0) this.#content.truncate(inode, 0);
    const sourceId = inode.source?.id;
    // The kernel's pages are of the content opened last; only a change in S3 makes another one.
    const keepCache = inode.staged !== undefined || sourceId === inode.openedSourceId;
    inode.openedSourceId = sourceId;
    if (writable) inode.writers++;
    const reader = this.#volume.options.readers.open();
    const handle = { inode, writable, creates, reader, isRead: false };
    const fh = this.#handles.add(handle);
    this.#volume.log?.opened(fh, handle);
    return { fh, keepCache, noFlush: !writable && !creates };
  }

  /** Puts back a handle of an earlier process. */
  restore(
    fh: HandleId,
    inode: FileInode,
    facts: Pick<FileHandle, "writable" | "creates" | "isRead">,
  ) {
    if (facts.writable) inode.writers++;
    const reader = this.#volume.options.readers.open();
    this.#handles.restore(fh, { inode, ...facts, reader });
  }

  entries(): IterableIterator<[HandleId, FileHandle]> {
    return this.#handles.entries();
  }

  /** Throws EBADF for a handle that is not open. */
  get(fh: HandleId): FileHandle {
    return this.#handles.get(fh);
  }

  /** read() */
  read(
    fh: HandleId,
    offset: number,
    size: number,
    context: OpContext,
  ): MaybePromise<readonly Uint8Array[]> {
    const handle = this.#handles.get(fh);
    const data = this.#reads.read(handle, offset, size, context);
    if (!handle.isRead) {
      handle.isRead = true;
      this.#siblings.firstRead(handle);
    }
    return data;
  }

  /** Like `get`; throws EBADF also for a handle that cannot write. */
  writable(fh: HandleId): FileHandle {
    const handle = this.#handles.get(fh);
    if (!handle.writable) throw new FsError("EBADF", "The file was opened for reading only");
    return handle;
  }

  release(fh: HandleId): void {
    const handle = this.#handles.remove(fh);
    if (handle === undefined) return;
    this.#volume.log?.closed(fh, handle.inode);
    this.#siblings.closed(handle);
    handle.reader.close();
    if (handle.writable) handle.inode.writers--;
    this.#content.released(handle.inode);
  }
}
