/** Making files, directories and symbolic links. */
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from "../base/posix.ts";
import { encodePosixMetadata, type PosixAttributes } from "../cache/posix_metadata.ts";
import { newAttributes } from "./attr.ts";
import { contentTypeOf } from "./content_type.ts";
import type { FileContent } from "./file_content.ts";
import { type Entry, FsError, type InodeNumber, type OpContext } from "./file_system.ts";
import { type DirectoryInode, type FileInode, InodeSource } from "./inode.ts";
import type { Namespace } from "./namespace.ts";
import { O_EXCL } from "./open_flags.ts";
import type { SetAttributes } from "./set_attributes.ts";
import type { Volume } from "./volume.ts";

/** PATH_MAX less the NUL: what a symbolic link can hold. */
const TARGET_MAX = 4095;

export class Create {
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

  /** The inode of open(O_CREAT): a new file, only here until it is closed, or the one that is there. */
  async file(
    number: InodeNumber,
    name: string,
    mode: number,
    flags: number,
    context: OpContext,
  ): Promise<FileInode> {
    const parent = this.#parent(number);
    this.#volume.newKey(parent, name);
    const found = await this.#namespace.find(parent, name, context.signal);
    if (found !== undefined) {
      if ((flags & O_EXCL) !== 0) throw exists(parent, name);
      if (found.kind === "directory") {
        throw new FsError("EISDIR", `"${found.prefix}" is a directory`);
      }
      return found;
    }
    const inode = this.#volume.inodes.addFile(parent, name);
    inode.attributes = this.#newAttributes(S_IFREG | (mode & ~S_IFMT), context);
    inode.ctime = this.#volume.now();
    this.#content.stage(inode);
    this.#touch(parent);
    return inode;
  }

  async directory(
    number: InodeNumber,
    name: string,
    mode: number,
    context: OpContext,
  ): Promise<Entry> {
    const parent = await this.#freeName(number, name, context);
    const inode = this.#volume.inodes.addDirectory(parent, name);
    inode.attributes = this.#newAttributes(S_IFDIR | (mode & ~S_IFMT), context);
    inode.ctime = this.#volume.now();
    try {
      await this.#setAttributes.writeMarker(inode, context.signal);
    } catch (error) {
      this.#volume.inodes.detach(inode);
      throw error;
    }
    this.#volume.options.listings.setEmpty(inode.prefix);
    this.#touch(parent);
    return this.#namespace.entryOf(parent, inode);
  }

  async symlink(
    number: InodeNumber,
    name: string,
    target: string,
    context: OpContext,
  ): Promise<Entry> {
    const body = new TextEncoder().encode(target);
    if (body.byteLength > TARGET_MAX) {
      throw new FsError("ENAMETOOLONG", `A link's target has at most ${TARGET_MAX} bytes`);
    }
    const attributes = { ...this.#newAttributes(S_IFLNK | 0o777, context), target };
    return await this.#object(number, name, body, attributes, context);
  }

  /** mknod(2) of a regular file. Others are not kept. */
  async node(
    number: InodeNumber,
    name: string,
    mode: number,
    context: OpContext,
  ): Promise<Entry> {
    const type = mode & S_IFMT;
    if (type !== S_IFREG && type !== 0) {
      throw new FsError("EPERM", "Only regular files can be made by mknod in a bucket");
    }
    const attributes = this.#newAttributes(S_IFREG | (mode & ~S_IFMT), context);
    return await this.#object(number, name, new Uint8Array(0), attributes, context);
  }

  /** A small object that is complete at once. */
  async #object(
    number: InodeNumber,
    name: string,
    body: Uint8Array<ArrayBuffer>,
    attributes: PosixAttributes,
    context: OpContext,
  ): Promise<Entry> {
    const parent = await this.#freeName(number, name, context);
    const key = parent.prefix + name;
    const { store, listings, clock, contentType, storageClass } = this.#volume.options;
    const put = await this.#volume.timed(context.signal, (signal) =>
      store.put(key, body, {
        contentType: contentType ?? contentTypeOf(name),
        metadata: encodePosixMetadata(attributes),
        ...(storageClass === undefined ? {} : { storageClass }),
      }, signal));
    const inode = this.#volume.inodes.addFile(parent, name);
    inode.source = new InodeSource(store, inode, put.etag, body.byteLength);
    inode.attributes = attributes;
    inode.lastModifiedMs = clock.nowMs();
    inode.storageClass = storageClass;
    this.#volume.options.attributes.remember(parent.prefix, name, put.etag, attributes);
    listings.set(parent.prefix, name, inode.listed());
    this.#touch(parent);
    return this.#namespace.entryOf(parent, inode);
  }

  /** The directory in which `name` is free. Throws EEXIST. */
  async #freeName(number: InodeNumber, name: string, context: OpContext): Promise<DirectoryInode> {
    const parent = this.#parent(number);
    this.#volume.newKey(parent, name);
    if (await this.#namespace.find(parent, name, context.signal) !== undefined) {
      throw exists(parent, name);
    }
    return parent;
  }

  #parent(number: InodeNumber): DirectoryInode {
    this.#volume.checkWritable();
    const parent = this.#volume.inodes.directory(number);
    if (parent.unlinked) throw new FsError("ENOENT", `"${parent.name}" was removed`);
    return parent;
  }

  #newAttributes(mode: number, context: OpContext): PosixAttributes {
    return newAttributes(this.#volume.options, mode, context, this.#volume.now());
  }

  #touch(directory: DirectoryInode): void {
    directory.changed = this.#volume.now();
    directory.ctime = directory.changed;
  }
}

function exists(parent: DirectoryInode, name: string): FsError {
  return new FsError("EEXIST", `"${parent.prefix}${name}" exists`);
}
