/** fallocate, lseek, and copy_file_range: what a file has where. */
import {
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  FALLOC_FL_ZERO_RANGE,
  SEEK_DATA,
} from "../ffi/fd_file.ts";
import { contentTypeOf } from "./content_type.ts";
import type { FileContent } from "./file_content.ts";
import { FsError } from "./file_system.ts";
import { type FileInode, InodeSource } from "./inode.ts";
import type { Volume } from "./volume.ts";

export class Space {
  readonly #volume: Volume;
  readonly #content: FileContent;

  constructor(volume: Volume, content: FileContent) {
    this.#volume = volume;
    this.#content = content;
  }

  /** fallocate(2) with mode 0, KEEP_SIZE, PUNCH_HOLE and ZERO_RANGE. */
  allocate(inode: FileInode, mode: number, offset: number, length: number): void {
    const keepsSize = (mode & FALLOC_FL_KEEP_SIZE) !== 0;
    const kind = mode & ~FALLOC_FL_KEEP_SIZE;
    const isPunch = kind === FALLOC_FL_PUNCH_HOLE && keepsSize;
    if (kind !== 0 && kind !== FALLOC_FL_ZERO_RANGE && !isPunch) {
      throw new FsError("ENOTSUP", `fallocate with mode ${mode} is not possible on an object`);
    }
    const staged = this.#content.stage(inode);
    // Room for what will be written there; what is zero takes none.
    if (kind === 0) staged.reserve(offset, length);
    else staged.punchHole(offset, length);
    if (!keepsSize && offset + length > staged.size) staged.truncate(offset + length);
    this.#volume.log?.touched(inode);
    if (inode.dirty) this.#content.changed(inode);
  }

  /** lseek(2) with SEEK_DATA or SEEK_HOLE. Throws ENXIO. */
  seek(inode: FileInode, offset: number, whence: number): number {
    const { size, staged } = inode;
    if (offset < size) {
      const found = staged === undefined
        ? whence === SEEK_DATA ? offset : size
        : whence === SEEK_DATA
        ? staged.seekData(offset)
        : staged.seekHole(offset);
      if (found !== undefined) return found;
    }
    throw new FsError("ENXIO", `There is no data behind ${offset} in "${inode.name}"`);
  }

  /**
   * A whole object into an empty file: the server copies it, no byte comes here. Anything else is
   * ENOTSUP: the kernel then reads and writes. Returns the bytes copied.
   */
  copy(
    from: FileInode,
    offset: number,
    to: FileInode,
    offsetTo: number,
    length: number,
  ): number {
    const { source } = from;
    const isWhole = source !== undefined && !from.dirty && from !== to && offset === 0 &&
      offsetTo === 0 && length >= source.size && source.size > 0 && to.size === 0;
    const waitsForItself = !to.unlinked && source !== undefined &&
      this.#volume.changes.makesCircle(to.key!, source.key);
    if (!isWhole || to.unlinked || from.unlinked || waitsForItself) {
      throw new FsError("ENOTSUP", "Only whole objects are copied by the server");
    }
    const { store, contentType } = this.#volume.options;
    // Of the object that is replaced, before the file stands for another one.
    const change = this.#content.want(to);
    if (to.staged !== undefined) to.retired.push(to.staged);
    to.staged = undefined;
    to.synced = undefined;
    to.uploadedGeneration = undefined;
    to.source = new InodeSource(store, source.key, source.etag, source.size);
    to.openedSourceId = to.source.id;
    // The bytes are the other file's, not what it says about itself.
    to.kept = { metadata: {}, contentType: contentType ?? contentTypeOf(to.name), tags: {} };
    this.#volume.log?.touched(to);
    this.#content.changed(to);
    if (change !== undefined) this.#volume.changes.noteSource(change);
    return source.size;
  }
}
