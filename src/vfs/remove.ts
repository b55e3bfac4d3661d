/** unlink and rmdir. */
import type { FileContent } from "./file_content.ts";
import { FsError, type InodeNumber, type OpContext } from "./file_system.ts";
import type { DirectoryInode, Inode } from "./inode.ts";
import type { Namespace } from "./namespace.ts";
import type { SetAttributes } from "./set_attributes.ts";
import type { Volume } from "./volume.ts";

export class Remove {
  readonly #volume: Volume;
  readonly #namespace: Namespace;
  readonly #content: FileContent;
  readonly #setAttributes: SetAttributes;

  constructor(
    volume: Volume,
    namespace: Namespace,
    content: FileContent,
    setAttributes: SetAttributes,
  ) {
    this.#volume = volume;
    this.#namespace = namespace;
    this.#content = content;
    this.#setAttributes = setAttributes;
  }

  async unlink(number: InodeNumber, name: string, context: OpContext): Promise<void> {
    this.#volume.checkWritable();
    const parent = this.#volume.inodes.directory(number);
    const inode = await this.#namespace.get(parent, name, context.signal);
    if (inode.kind === "directory") {
      throw new FsError("EISDIR", `"${inode.prefix}" is a directory`);
    }
    await this.#volume.objectLock.run(inode, async () => {
      const { store, listings, attributes } = this.#volume.options;
      if (inode.source !== undefined) {
        await this.#content.keepForHandles(inode, context.signal);
        const key = inode.key!;
        await this.#volume.timed(context.signal, (signal) => store.delete(key, signal));
        attributes.forget(parent.prefix, name);
      }
      listings.set(parent.prefix, name, undefined);
      this.drop(inode);
    });
    await this.content(inode);
    await this.keepDirectory(parent, context.signal);
  }

  async rmdir(number: InodeNumber, name: string, context: OpContext): Promise<void> {
    this.#volume.checkWritable();
    const parent = this.#volume.inodes.directory(number);
    const inode = await this.#namespace.get(parent, name, context.signal);
    if (inode.kind === "file") throw new FsError("ENOTDIR", `"${inode.key}" is not a directory`);
    const { prefix } = inode;
    const { store, listings, attributes } = this.#volume.options;
    await this.#volume.timed(context.signal, async (signal) => {
      // Asked anew: deleting the marker of a directory that somebody else has filled would lose names.
      const page = await store.list({ prefix, maxKeys: 2 }, signal);
      const hasMarker = page.objects.some((object) => object.key === prefix);
      if (page.objects.length > (hasMarker ? 1 : 0) || hasLocalNames(inode)) {
        listings.expire(prefix);
        throw new FsError("ENOTEMPTY", `"${prefix}" is not empty`);
      }
      if (hasMarker) await store.delete(prefix, signal);
    });
    attributes.forget(parent.prefix, name);
    listings.forgetTree(prefix);
    listings.set(parent.prefix, name, undefined);
    this.drop(inode);
    await this.keepDirectory(parent, context.signal);
  }

  /** Takes the name from an inode whose object is gone; open handles keep the inode. */
  drop(inode: Inode): void {
    inode.unlinked = true;
    inode.ctime = this.#volume.now();
    if (inode.kind === "file") this.#volume.dirty.delete(inode);
    const parent = inode.parent!;
    parent.changed = inode.ctime;
    parent.ctime = inode.ctime;
    this.#volume.inodes.detach(inode);
  }

  /** Frees what an inode without a name and without handles holds. */
  async content(inode: Inode): Promise<void> {
    if (inode.kind === "file") await this.#content.released(inode);
  }

  /**
   * A directory without an object of its own exists by the keys below it only. When the last of them
   * goes, the directory must not go with it, so it gets its own object.
   */
  async keepDirectory(directory: DirectoryInode, signal: AbortSignal): Promise<void> {
    if (directory.parent === undefined || directory.unlinked) return;
    const { listings, store } = this.#volume.options;
    const { prefix } = directory;
    const empty = listings.isEmptyWithoutMarker(prefix);
    if (empty === false) return;
    if (empty === undefined) {
      const page = await this.#volume.timed(
        signal,
        (signal) => store.list({ prefix, maxKeys: 1 }, signal),
      );
      if (page.objects.length > 0) return;
    }
    await this.#setAttributes.writeMarker(directory, signal);
  }
}

/** True when something in the directory is not in S3 yet. */
function hasLocalNames(directory: DirectoryInode): boolean {
  for (const child of directory.children.values()) {
    if (child.kind === "file" ? child.local : hasLocalNames(child)) return true;
  }
  return false;
}
