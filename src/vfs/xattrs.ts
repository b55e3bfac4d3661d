/**
 * Extended attributes. `user.*` are kept in the object's metadata, all in one header; read-only
 * `user.cloudmount.*` tell what S3 knows of the object, and are not listed, for who copies all
 * attributes of a file cannot set them. Others are not kept.
 */
import { Buffer } from "node:buffer";
import { encodePosixMetadata, type PosixAttributes } from "../listings/posix_metadata.ts";
import type { Metadata } from "../s3/object_store.ts";
import type { FileContent } from "./file_content.ts";
import { FsError, type InodeNumber, type OpContext } from "./file_system.ts";
import type { FileInode, Inode } from "./inode.ts";
import type { SetAttributes } from "./set_attributes.ts";
import type { Volume } from "./volume.ts";

/** Flags of setxattr(2). */
const XATTR_CREATE = 1;
const XATTR_REPLACE = 2;
/** S3 takes 2 KB of user metadata: names without their prefix, and values (user guide, "Working with object metadata"). */
const METADATA_MAX = 2048;
const USER = "user.";
const VIRTUAL = "user.cloudmount.";

export class Xattrs {
  readonly #volume: Volume;
  readonly #content: FileContent;
  readonly #setAttributes: SetAttributes;

  constructor(volume: Volume, content: FileContent, setAttributes: SetAttributes) {
    this.#volume = volume;
    this.#content = content;
    this.#setAttributes = setAttributes;
  }

  async get(number: InodeNumber, name: string, context: OpContext): Promise<Uint8Array> {
    const inode = this.#volume.inodes.get(number);
    if (name.startsWith(VIRTUAL) && inode.kind === "file") {
      return await this.#virtual(inode, name.slice(VIRTUAL.length), context.signal);
    }
    if (!name.startsWith(USER)) throw noSuch(name);
    await this.#learn(inode, context.signal);
    const value = inode.attributes.xattrs?.[name];
    if (value === undefined) throw noSuch(name);
    return new Uint8Array(Buffer.from(value, "base64"));
  }

  /**
   * The names that are known here. Nothing is asked for: programs that list directories call this for
   * every file.
   */
  list(number: InodeNumber): string[] {
    const { inodes } = this.#volume;
    // Programs that list directories ask of every file.
    if (inodes.asleep(number) !== undefined) return [];
    return Object.keys(inodes.get(number).attributes.xattrs ?? {});
  }

  async set(
    number: InodeNumber,
    name: string,
    value: Uint8Array,
    flags: number,
    context: OpContext,
  ): Promise<void> {
    const inode = await this.#changeable(number, name, context.signal);
    const before = inode.attributes.xattrs ?? {};
    const exists = before[name] !== undefined;
    const isOwn = context.isRepeated === true &&
      before[name] === Buffer.from(value).toString("base64");
    if (exists && !isOwn && (flags & XATTR_CREATE) !== 0) {
      throw new FsError("EEXIST", `"${name}" is set`);
    }
    if (!exists && (flags & XATTR_REPLACE) !== 0) throw noSuch(name);
    if (value.byteLength > METADATA_MAX) {
      throw new FsError("E2BIG", `An attribute has at most ${METADATA_MAX} bytes in S3`);
    }
    const xattrs = { ...before, [name]: Buffer.from(value).toString("base64") };
    const attributes: PosixAttributes = { ...inode.attributes, xattrs };
    const kept = inode.kind === "file" ? inode.kept?.metadata : undefined;
    if (metadataSize(encodePosixMetadata(attributes, kept)) > METADATA_MAX) {
      throw new FsError("ENOSPC", `The metadata of an object has at most ${METADATA_MAX} bytes`);
    }
    await this.#keep(inode, attributes, context.signal);
  }

  async remove(number: InodeNumber, name: string, context: OpContext): Promise<void> {
    const inode = await this.#changeable(number, name, context.signal);
    const { [name]: removed, ...xattrs } = inode.attributes.xattrs ?? {};
    if (removed === undefined && context.isRepeated === true) return;
    if (removed === undefined) throw noSuch(name);
    await this.#keep(inode, { ...inode.attributes, xattrs }, context.signal);
  }

  async #keep(inode: Inode, attributes: PosixAttributes, signal: AbortSignal): Promise<void> {
    inode.ctime = this.#volume.now();
    await this.#setAttributes.keep(inode, attributes, signal);
  }

  async #changeable(number: InodeNumber, name: string, signal: AbortSignal): Promise<Inode> {
    this.#volume.checkWritable();
    if (name.startsWith(VIRTUAL)) throw new FsError("EPERM", `"${name}" tells, and cannot be set`);
    if (!name.startsWith(USER)) {
      throw new FsError("ENOTSUP", `Only user.* attributes are kept, not "${name}"`);
    }
    const inode = this.#volume.inodes.get(number);
    await this.#learn(inode, signal);
    return inode;
  }

  /** A listing does not tell metadata: asked for once. */
  async #learn(inode: Inode, signal: AbortSignal): Promise<void> {
    if (inode.kind !== "file" || inode.kept !== undefined || inode.source === undefined) return;
    await this.#volume.timed(signal, (signal) => this.#content.keptOf(inode, undefined, signal));
  }

  async #virtual(inode: FileInode, name: string, signal: AbortSignal): Promise<Uint8Array> {
    const value = await this.#virtualText(inode, name, signal);
    if (value === undefined) throw noSuch(VIRTUAL + name);
    return new TextEncoder().encode(value);
  }

  async #virtualText(
    inode: FileInode,
    name: string,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { store } = this.#volume.options;
    const { source, key } = inode;
    switch (name) {
      case "etag":
        return source?.etag;
      case "storage_class":
        return source === undefined ? undefined : inode.storageClass ?? "STANDARD";
      case "upload_state": {
        const change = this.#volume.changes.of(inode);
        if (change === undefined) return "clean";
        return change.running ? "uploading" : change.error?.passing === false ? "failed" : "dirty";
      }
      case "url":
        return key === undefined
          ? undefined
          : `s3://${store.bucket}/${this.#volume.options.prefix}${key}`;
      case "version_id":
        if (source === undefined) return undefined;
        return await this.#volume.timed(
          signal,
          async (signal) => (await store.head(source.key, signal)).versionId,
        );
      default:
        return undefined;
    }
  }
}

function metadataSize(metadata: Metadata): number {
  let size = 0;
  for (const [name, value] of Object.entries(metadata)) {
    size += name.length + new TextEncoder().encode(value).byteLength;
  }
  return size;
}

function noSuch(name: string): FsError {
  return new FsError("ENODATA", `There is no attribute "${name}"`);
}
