/**
 * chmod, chown, utimens, truncate. Attributes live in the object's metadata: a file whose content has
 * still to be uploaded takes them along; otherwise the object is copied onto itself with new metadata,
 * which moves no bytes. A directory's are in its own object ("dir/"), made if there is none.
 */
import { S_IFMT } from "../base/posix.ts";
import { encodePosixMetadata, type PosixAttributes } from "../cache/posix_metadata.ts";
import type { AttrChanges, AttrReply, HandleId, InodeNumber, OpContext } from "./file_system.ts";
import { FsError } from "./file_system.ts";
import type { FileContent } from "./file_content.ts";
import type { DirectoryInode, FileInode, Inode } from "./inode.ts";
import type { Namespace } from "./namespace.ts";
import type { Volume } from "./volume.ts";

/** The type that other S3 programs give to directory objects. */
export const DIRECTORY_CONTENT_TYPE = "application/x-directory";

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
    const before = inode.attributes;
    const after = this.#apply(inode, changes);
    if (after !== undefined) {
      inode.attributes = after;
      try {
        if (inode.kind === "directory") await this.writeMarker(inode, context.signal);
        else if (!inode.dirty) await this.#rewriteMetadata(inode, context.signal);
      } catch (error) {
        inode.attributes = before;
        throw error;
      }
    }
    // truncate(2) has no close that would upload; ftruncate(2) comes with a handle, which has.
    if (changes.size !== undefined && fh === undefined && inode.kind === "file") {
      await this.#content.persist(inode, context.signal);
    }
    return this.#namespace.attrReply(inode);
  }

  /** Writes a directory's own object, with its attributes. */
  async writeMarker(inode: DirectoryInode, signal: AbortSignal): Promise<void> {
    const { parent, prefix } = inode;
    // A bucket, or the mounted part of it, has no object of its own: kept until the mount ends.
    if (parent === undefined || inode.unlinked) return;
    const { store, attributes, listings } = this.#volume.options;
    await this.#volume.timed(signal, (signal) =>
      store.put(prefix, new Uint8Array(0), {
        contentType: DIRECTORY_CONTENT_TYPE,
        metadata: encodePosixMetadata(inode.attributes),
      }, signal));
    attributes.remember(parent.prefix, inode.name, "", inode.attributes);
    listings.set(parent.prefix, inode.name, {
      kind: "directory",
      attributes: inode.attributes,
    });
    listings.setMarker(prefix);
  }

  /** The attributes after the change, or undefined when nothing changes that is kept. */
  #apply(inode: Inode, changes: AttrChanges): PosixAttributes | undefined {
    const now = this.#volume.now();
    const { mode, uid, gid, atime, mtime } = changes;
    if (atime !== undefined) inode.atime = atime === "now" ? now : atime;
    if (mode === undefined && uid === undefined && gid === undefined && mtime === undefined) {
      return undefined;
    }
    inode.ctime = now;
    if (mtime !== undefined && inode.kind === "directory") inode.changed = undefined;
    return {
      ...inode.attributes,
      ...(mode === undefined ? {} : { mode: inode.type | (mode & ~S_IFMT) }),
      ...(uid === undefined ? {} : { uid }),
      ...(gid === undefined ? {} : { gid }),
      ...(mtime === undefined ? {} : { mtime: mtime === "now" ? now : mtime }),
    };
  }

  #rewriteMetadata(inode: FileInode, signal: AbortSignal): Promise<void> {
    return this.#volume.objectLock.run(inode, async () => {
      const { key, source, parent } = inode;
      if (key === undefined || source === undefined || parent === undefined) return;
      const { store, attributes, listings, clock } = this.#volume.options;
      const known = await this.#content.knownMetadata(inode, signal);
      // No time limit of ours: the server copies for as long as the object is large.
      const copied = await store.copy({ key, ifMatch: source.etag }, key, {
        replace: {
          metadata: encodePosixMetadata(inode.attributes, known),
          contentType: inode.contentType!,
        },
        ...(inode.storageClass === undefined ? {} : { storageClass: inode.storageClass }),
      }, signal);
      source.etag = copied.etag;
      inode.lastModifiedMs = clock.nowMs();
      attributes.remember(parent.prefix, inode.name, copied.etag, inode.attributes);
      listings.set(parent.prefix, inode.name, inode.listed());
    });
  }
}
