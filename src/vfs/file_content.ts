/**
 * The content of files: where reads come from, where writes go, and how changes get into S3.
 *
 * A file that is only read is read from its object, pinned to the ETag that it was opened with. The
 * first change makes a staging file, which from then on is the content, until it is in S3 and the
 * last handle is closed. `persist` brings it there; close, fsync and truncate(2) call it and return
 * its error, and a file that could not be uploaded stays staged and dirty until a later try succeeds.
 */
import { untilAborted } from "../base/until_aborted.ts";
import type { ObjectSource } from "../cache/object_source.ts";
import { decodePosixMetadata, encodePosixMetadata } from "../cache/posix_metadata.ts";
import { FileReader } from "../content/file_reader.ts";
import type { StagingFile } from "../content/staging_file.ts";
import { FileChangedError } from "../content/uploader.ts";
import { NotFoundError, PreconditionFailedError, StoreError } from "../s3/errors.ts";
import type { Metadata } from "../s3/object_store.ts";
import { contentTypeOf } from "./content_type.ts";
import { FsError, type MaybePromise, type OpContext } from "./file_system.ts";
import type { FileHandle } from "./handle_table.ts";
import { type FileInode, InodeSource } from "./inode.ts";
import type { Namespace } from "./namespace.ts";
import type { Volume } from "./volume.ts";

/** A removed file that is open stays readable up to this size: more would take too long to fetch. */
const KEPT_MAX = 256 * 2 ** 20;
/** A failed read is the answer for so long: the kernel asks again at once, and would wait as long again. */
const FAILURE_MS = 500;
/** How often an upload is begun again because the file was cut meanwhile. */
const UPLOAD_TRIES = 5;

export class FileContent {
  readonly #volume: Volume;
  readonly #namespace: Namespace;
  #uploading = 0;

  constructor(volume: Volume, namespace: Namespace) {
    this.#volume = volume;
    this.#namespace = namespace;
  }

  /** Uploads under way. */
  get uploading(): number {
    return this.#uploading;
  }

  /** read(): at once where the bytes are here. */
  read(
    handle: FileHandle,
    offset: number,
    size: number,
    context: OpContext,
  ): MaybePromise<readonly Uint8Array[]> {
    const { inode, reader } = handle;
    if (inode.staged !== undefined) {
      return inode.staged.read(offset, size, reader.read.bind(reader), context.signal);
    }
    const { readFailure } = inode;
    if (readFailure !== undefined) {
      if (this.#volume.options.clock.monotonicMs() < readFailure.untilMs) throw readFailure.error;
      inode.readFailure = undefined;
    }
    const source = inode.source!;
    const views = reader.read(source, offset, size, context.signal);
    if (views instanceof Promise) return this.#awaitRead(handle, views, offset, size, context);
    inode.served = true;
    return views;
  }

  async #awaitRead(
    handle: FileHandle,
    views: Promise<Uint8Array[]>,
    offset: number,
    size: number,
    context: OpContext,
  ): Promise<readonly Uint8Array[]> {
    const { inode } = handle;
    const source = inode.source!;
    const { etag } = source;
    try {
      const result = await this.#volume.timed(context.signal, () => views);
      inode.served = true;
      return result;
    } catch (error) {
      const changed = error instanceof PreconditionFailedError || error instanceof NotFoundError;
      const timedOut = error instanceof DOMException && error.name === "TimeoutError";
      if (timedOut || (error instanceof StoreError && error.retryable)) {
        const untilMs = this.#volume.options.clock.monotonicMs() + FAILURE_MS;
        inode.readFailure = { error, untilMs };
      }
      if (!changed) throw error;
      // Rewritten here, or already looked at again by a read beside this one.
      const outdated = inode.source !== source || source.etag !== etag;
      if (outdated || await this.#repin(inode, source, context.signal)) {
        return await this.read(handle, offset, size, context);
      }
      throw new FsError(
        "ESTALE",
        `"${inode.parent?.prefix}${inode.name}" was changed in S3 after it was opened`,
        { cause: error },
      );
    }
  }

  /**
   * The object is not the listed one any more. As long as nothing of it was read, the file simply is
   * the new version; otherwise its name goes to a new inode, and this one stays what it was: gone.
   */
  #repin(inode: FileInode, source: ObjectSource, signal: AbortSignal): Promise<boolean> {
    const { store, listings, attributes } = this.#volume.options;
    return this.#volume.objectLock.run(inode, async () => {
      if (inode.source !== source) return true;
      const { parent, name, key } = inode;
      if (parent === undefined || key === undefined) return false;
      listings.expire(parent.prefix);
      if (inode.served || parent.children.get(name) !== inode) {
        this.#volume.inodes.detach(inode);
        this.#volume.notifier.invalidateEntry(parent.number, name);
        return false;
      }
      const info = await this.#volume.timed(signal, (signal) => store.head(key, signal))
        .catch((error: unknown) => {
          if (error instanceof NotFoundError) return undefined;
          throw error;
        });
      if (info === undefined) return false;
      const entry = attributes.learn(parent.prefix, name, info);
      listings.set(parent.prefix, name, entry);
      this.#namespace.setContent(inode, entry);
      inode.ctime = this.#volume.now();
      // A negative offset: the attributes only, for the size that the kernel has is the old one.
      this.#volume.notifier.invalidateInode(inode.number, -1, 0);
      return true;
    });
  }

  /** write() */
  write(handle: FileHandle, offset: number, data: Uint8Array<ArrayBuffer>): number {
    const { inode } = handle;
    this.stage(inode).write(data, offset);
    this.#changed(inode);
    return data.byteLength;
  }

  /** Sets the size; the caller persists. */
  truncate(inode: FileInode, size: number): void {
    // Nothing of the object is needed: it need not be the base.
    this.stage(inode, size === 0 ? "empty" : "object").truncate(size);
    this.#changed(inode);
  }

  /** The inode's staging file, made over its object (or over nothing) if there is none yet. */
  stage(inode: FileInode, over: "object" | "empty" = "object"): StagingFile {
    if (inode.staged === undefined) {
      const base = over === "object" ? inode.source : undefined;
      inode.staged = this.#volume.options.staging.create(base);
      // Over its object it is not a change yet.
      inode.uploadedGeneration = base === undefined ? undefined : inode.staged.generation;
      if (inode.dirty) this.#markDirty(inode);
    }
    return inode.staged;
  }

  #changed(inode: FileInode): void {
    const now = this.#volume.now();
    inode.attributes = { ...inode.attributes, mtime: now };
    inode.ctime = now;
    if (inode.dirty) this.#markDirty(inode);
  }

  #markDirty(inode: FileInode): void {
    if (this.#volume.dirty.has(inode) || inode.unlinked) return;
    this.#volume.dirty.add(inode);
    inode.dirtySinceMs = this.#volume.options.clock.monotonicMs();
  }

  /**
   * Resolves when S3 has what the file holds now. When `signal` fires, the caller is let go but the
   * upload goes on: half a file helps nobody. Throws why the upload failed; the file stays staged.
   */
  persist(inode: FileInode, signal: AbortSignal): Promise<void> {
    return untilAborted(this.#persist(inode), signal);
  }

  #persist(inode: FileInode): Promise<void> {
    if (!inode.dirty || inode.unlinked) return Promise.resolve();
    return this.#volume.objectLock.run(inode, async () => {
      for (let tries = 1; inode.dirty && !inode.unlinked; tries++) {
        try {
          this.#uploading++;
          await this.#upload(inode);
          inode.uploadError = undefined;
          break;
        } catch (error) {
          if (error instanceof FileChangedError && tries < UPLOAD_TRIES) continue;
          const message = error instanceof Error ? error.message : String(error);
          inode.uploadError = { message, atMs: this.#volume.options.clock.nowMs() };
          this.#volume.options.log.error("Cannot upload {key}: {message}", {
            key: inode.key,
            message,
          });
          throw error;
        } finally {
          this.#uploading--;
        }
      }
      // Written to meanwhile: then the close of that writer brings it.
      if (!inode.dirty) this.#volume.dirty.delete(inode);
      this.#discardIfUnused(inode);
    });
  }

  async #upload(inode: FileInode): Promise<void> {
    const { store, uploader, listings, attributes, blocks, clock } = this.#volume.options;
    const storageClass = inode.storageClass ?? this.#volume.options.storageClass;
    const signal = this.#volume.closing.signal;
    const staged = inode.staged!;
    const before = inode.source;
    const known = await this.knownMetadata(inode, signal);
    const { generation } = staged;
    const sent = inode.attributes;
    const options = {
      contentType: inode.contentType!,
      metadata: encodePosixMetadata(sent, known),
      ...(storageClass === undefined ? {} : { storageClass }),
    };
    const reader = new FileReader(blocks, clock);
    const uploaded = await uploader.upload(
      staged,
      inode.key!,
      options,
      reader.read.bind(reader),
      signal,
    ).finally(() => reader.close());
    inode.uploadedGeneration = generation;
    inode.source = new InodeSource(store, inode, uploaded.etag, uploaded.size);
    // What the kernel has of the file is what was uploaded: it need not read it again.
    if (staged.generation === generation) inode.openedSourceId = inode.source.id;
    inode.lastModifiedMs = clock.nowMs();
    inode.storageClass = storageClass;
    if (before !== undefined) blocks.drop(before);
    const { prefix } = inode.parent!;
    attributes.remember(prefix, inode.name, uploaded.etag, sent);
    listings.set(prefix, inode.name, { ...inode.listed(), attributes: sent });
  }

  /** The metadata and content type that a rewrite of the object keeps; asked for once if unknown. */
  async knownMetadata(inode: FileInode, signal: AbortSignal): Promise<Metadata> {
    const { store, contentType } = this.#volume.options;
    if (inode.metadata === undefined) {
      const info = inode.source === undefined
        ? undefined
        : await store.head(inode.key!, signal).catch((error: unknown) => {
          if (error instanceof NotFoundError) return undefined;
          throw error;
        });
      inode.metadata = info?.metadata ?? {};
      inode.contentType = info?.contentType ?? contentType ?? contentTypeOf(inode.name);
      // What the object says about itself counts where nothing was set here.
      inode.attributes = { ...decodePosixMetadata(inode.metadata), ...inode.attributes };
    }
    return inode.metadata;
  }

  /**
   * To be called before an object goes whose inode may still be open: what the handles can read is
   * brought here first, unless it is very large.
   */
  async keepForHandles(inode: FileInode, signal: AbortSignal): Promise<void> {
    const { source, handles } = inode;
    if (handles === 0 || inode.staged !== undefined || source === undefined) return;
    if (source.size > KEPT_MAX) return;
    const { blocks, clock, log } = this.#volume.options;
    const reader = new FileReader(blocks, clock);
    // Held meanwhile, or the last close would discard what is being filled.
    inode.handles++;
    try {
      await this.stage(inode).fetchBase(reader.read.bind(reader), signal);
    } catch (error) {
      // Somebody else has changed or deleted it: then the handles are stale anyway.
      log.warn("Cannot keep {key} for those who have it open: {error}", { key: inode.key, error });
    } finally {
      reader.close();
      inode.handles--;
    }
  }

  /** The last handle is closed: what is in S3 need not be staged any more. */
  async released(inode: FileInode): Promise<void> {
    if (inode.handles > 0) return;
    inode.served = false;
    // Changed after its last close: by pages of a shared mapping.
    if (inode.dirty && inode.uploadError === undefined) {
      await this.#persist(inode).catch(() => {});
    }
    this.#discardIfUnused(inode);
    this.#volume.inodes.release(inode);
  }

  #discardIfUnused(inode: FileInode): void {
    if (inode.handles > 0 || inode.staged === undefined) return;
    if (inode.dirty && !inode.unlinked) return;
    this.#volume.dirty.delete(inode);
    this.#volume.options.staging.discard(inode.staged);
    inode.staged = undefined;
    inode.uploadedGeneration = undefined;
  }
}
