/**
 * chmod, chown, utimens, truncate. Attributes live in the object's metadata: a file whose content has
 * still to be uploaded takes them along; otherwise the object is copied onto itself with new metadata,
 * once for several changes that follow one another, which moves no bytes. A directory's are in its own
 * object ("dir/"), made if there is none.
 */
import { S_IFMT } from "../base/posix.ts";
import type { PosixAttributes } from "../listings/posix_metadata.ts";
import type { AttrChanges, AttrReply, HandleId, InodeNumber, OpContext } from "./file_system.ts";
import { FsError } from "./file_system.ts";
import type { FileContent } from "./file_content.ts";
import type { Inode } from "./inode.ts";
import type { Namespace } from "./namespace.ts";
import type { Volume } from "./volume.ts";

export class SetAttributes {
  readonly #volume: Volume;
  readonly #namespace: Namespace;
  readonly #content: FileContent;

  constructor(volume: Volume, namespace: Namespace, content: FileContent) {
    this.#volume = volume;
    this.#namespace = namespace;
    this.#content = content;
  }

  async setattr(
    number: InodeNumber,
    changes: AttrChanges,
    fh: HandleId | undefined,
    context: OpContext,
  ): Promise<AttrReply> {
    this.#volume.checkWritable();
    const inode = this.#volume.inodes.get(number);
    if (changes.size !== undefined) {
      if (inode.kind === "directory") throw new FsError("EISDIR", "A directory has no size to set");
      this.#content.truncate(inode, changes.size);
    }
    const after = this.#apply(inode, changes);
    if (after !== undefined) await this.keep(inode, after, context.signal);
    // truncate(2) has no close that would bring it; ftruncate(2) comes with a handle, which has.
    if (changes.size !== undefined && fh === undefined && inode.kind === "file") {
      await this.#content.acknowledge(inode, this.#volume.options.durability, context.signal);
    }
    return this.#namespace.attrReply(inode);
  }

  /** Sets all attributes of an inode; S3 gets them as soon as it gets the content, or by themselves. */
  async keep(inode: Inode, attributes: PosixAttributes, signal: AbortSignal): Promise<void> {
    const { changes } = this.#volume;
    this.#volume.log?.touched(inode);
    // A bucket, or the mounted part of it, has no object of its own: kept until the mount ends.
    if (inode.parent === undefined || inode.unlinked) return inode.learnAttributes(attributes);
    inode.setAttributes(attributes);
    const change = inode.kind === "file"
      ? this.#content.want(inode)
      : changes.of(inode) ?? changes.want(inode, undefined);
    // The close of a file being written brings its attributes too.
    if (change === undefined || (inode.kind === "file" && inode.dirty && inode.writers > 0)) return;
    await this.#volume.acknowledge([change.key], signal);
  }

  /** The attributes after the change, or undefined when nothing changes that is kept. */
  #apply(inode: Inode, changes: AttrChanges): PosixAttributes | undefined {
    const now = this.#volume.now();
    const { mode, uid, gid, atime, mtime } = changes;
    const given = [mode, uid, gid, atime, mtime].some((value) => value !== undefined);
    if (!given) return undefined;
    inode.ctime = now;
    if (mtime !== undefined) {
      if (inode.kind === "directory") inode.changed = undefined;
      else inode.hasChosenTime = true;
    }
    return {
      ...inode.attributes,
      ...(mode === undefined ? {} : { mode: inode.type | (mode & ~S_IFMT) }),
      ...(uid === undefined ? {} : { uid }),
      ...(gid === undefined ? {} : { gid }),
      ...(atime === undefined ? {} : { atime: atime === "now" ? now : atime }),
      ...(mtime === undefined ? {} : { mtime: mtime === "now" ? now : mtime }),
    };
  }
}
