/**
 * The content of files: where reads come from, and where writes go.
 *
 * A file that is only read is read from its object, pinned to the ETag that it was opened with. The
 * first change makes a staging file, which from then on is the content, until it is in S3 and the
 * last handle is closed. `acknowledge` makes it durable as close and fsync promise it: in the journal,
 * from where it goes to S3 by itself, or in S3.
 */
import type { ObjectSource } from "../cache/object_source.ts";
import { decodePosixMetadata } from "../cache/posix_metadata.ts";
import type { StagingFile } from "../content/staging_file.ts";
import { NotFoundError, PreconditionFailedError, StoreError } from "../s3/errors.ts";
import { headIfPresent } from "../s3/head_if_present.ts";
import type { Change } from "./change.ts";
import { contentTypeOf } from "./content_type.ts";
import { FsError, type MaybePromise, type OpContext } from "./file_system.ts";
import type { FileHandle } from "./handle_table.ts";
import type { DirectoryInode, FileInode, KeptProperties } from "./inode.ts";
import type { Namespace } from "./namespace.ts";
import type { Durability, Volume } from "./volume.ts";

/** A failed read is the answer for so long: the kernel asks again at once, and would wait as long again. */
const FAILURE_MS = 500;

export class FileContent {
  readonly #volume: Volume;
  readonly #namespace: Namespace;

  constructor(volume: Volume, namespace: Namespace) {
    this.#volume = volume;
    this.#namespace = namespace;
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
      if (inode.isBaseUnsure) return this.#readWhenSure(handle, offset, size, context);
      const bytes = inode.staged.read(offset, size, reader.read.bind(reader), context.signal);
      return bytes instanceof Promise
        ? this.#awaitStaged(handle, bytes, offset, size, context)
        : bytes;
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

  /** Or the rest of the file would be the older version here, and the newer one once S3 is asked. */
  async #readWhenSure(
    handle: FileHandle,
    offset: number,
    size: number,
    context: OpContext,
  ): Promise<readonly Uint8Array[]> {
    const { inode } = handle;
    const base = inode.staged?.base;
    if (base !== undefined) {
      const { store, log } = this.#volume.options;
      try {
        const info = await this.#volume.timed(
          context.signal,
          (signal) => headIfPresent(store, base.key, signal),
        );
        if (info?.etag !== base.etag) await this.#findOut(inode, context.signal);
      } catch (error) {
        context.signal.throwIfAborted();
        log.warn("Cannot ask for the version of {key}: {error}", { key: base.key, error });
      }
    }
    inode.isBaseUnsure = false;
    return await this.read(handle, offset, size, context);
  }

  async #awaitStaged(
    handle: FileHandle,
    bytes: Promise<Uint8Array[]>,
    offset: number,
    size: number,
    context: OpContext,
  ): Promise<readonly Uint8Array[]> {
    const { inode } = handle;
    const staged = inode.staged!;
    const { base } = staged;
    const before = { key: base?.key, etag: base?.etag };
    try {
      return await this.#volume.timed(context.signal, () => bytes);
    } catch (error) {
      if (!(error instanceof PreconditionFailedError || error instanceof NotFoundError)) {
        throw error;
      }
      const isMoved = () =>
        inode.staged !== staged || staged.base !== base ||
        base?.key !== before.key || base?.etag !== before.etag;
      if (!isMoved()) await this.#findOut(inode, context.signal);
      if (isMoved()) return await this.read(handle, offset, size, context);
      throw new FsError("ESTALE", `"${inode.name}" was changed in S3 after it was opened`, {
        cause: error,
      });
    }
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
    const { etag, key } = source;
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
      const isOutdated = () =>
        inode.source !== source || source.etag !== etag || source.key !== key ||
        inode.staged !== undefined;
      if (!isOutdated()) await this.#findOut(inode, context.signal);
      if (isOutdated() || await this.#repin(inode, source, context.signal)) {
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
   * The object under a change of ours is not the one that it was made over. It may be what was sent of
   * the change by a run that did not live to see the answer: carrying the change out finds out.
   */
  async #findOut(inode: FileInode, signal: AbortSignal): Promise<void> {
    if (!inode.pending) return;
    const { writeBack, options: { log } } = this.#volume;
    try {
      await this.#volume.timed(signal, (signal) => writeBack.push(inode, signal));
    } catch (error) {
      signal.throwIfAborted();
      log.warn("Cannot find out what has become of {key}: {error}", { key: inode.key, error });
    }
  }

  /**
   * The object is not the listed one any more. As long as nothing of it was read, the file simply is
   * the new version; otherwise its name goes to a new inode, and this one stays what it was: gone.
   */
  #repin(inode: FileInode, source: ObjectSource, signal: AbortSignal): Promise<boolean> {
    const { store, listings, attributes } = this.#volume.options;
    return this.#volume.lookLock.run(inode, async () => {
      if (inode.source !== source) return true;
      const { parent, name, key } = inode;
      // With a change of ours on top, the conflict is found when that is sent.
      if (parent === undefined || key === undefined || inode.pending) return false;
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
    this.changed(inode);
    this.#volume.eager.wrote(inode, offset);
    return data.byteLength;
  }

  /** Sets the size. */
  truncate(inode: FileInode, size: number): void {
    const { staged } = inode;
    if (size === 0 && (staged === undefined || staged === inode.synced?.staged)) {
      // What the journal knows of the file stays as it is until the new content is durable.
      if (staged !== undefined) inode.retired.push(staged);
      inode.staged = this.#volume.options.staging.create(undefined);
      inode.uploadedGeneration = undefined;
    } else {
      this.stage(inode).truncate(size);
    }
    this.changed(inode);
  }

  /** The inode's staging file, made over its object (or over nothing) if there is none yet. */
  stage(inode: FileInode): StagingFile {
    if (inode.staged === undefined) {
      inode.staged = this.#volume.options.staging.create(inode.source);
      // Over its object it is not a change yet.
      inode.uploadedGeneration = inode.source === undefined ? undefined : inode.staged.generation;
    }
    return inode.staged;
  }

  /** To be called after each change of the staged content. */
  changed(inode: FileInode): void {
    const now = this.#volume.now();
    inode.setAttributes({ ...inode.attributes, mtime: now });
    inode.hasChosenTime = false;
    inode.ctime = now;
    inode.changedMs = this.#volume.options.clock.monotonicMs();
    if (!inode.pending) this.want(inode);
  }

  /** S3 is to get what the file is; when, is for the caller to say. */
  want(inode: FileInode): Change | undefined {
    if (inode.unlinked) return undefined;
    const { changes } = this.#volume;
    return changes.of(inode) ?? changes.want(inode, inode.moved ? undefined : inode.source?.etag);
  }

  /**
   * Resolves when what the file is now is durable as `durability` says. With "journal" its upload
   * follows in the background. Throws why it is not; the file stays staged and is tried again.
   */
  async acknowledge(inode: FileInode, durability: Durability, signal: AbortSignal): Promise<void> {
    const { changes, writeBack } = this.#volume;
    const change = changes.of(inode);
    if (change === undefined) return;
    writeBack.schedule(change);
    if (durability === "journal") return await changes.save(inode);
    try {
      await writeBack.push(inode, signal);
    } catch (error) {
      // Not where it should be, but it shall not be lost either.
      await changes.save(inode).catch(() => {});
      throw error;
    }
  }

  /** Makes the new files of a directory durable, as far as they are written. */
  async saveNew(directory: DirectoryInode): Promise<void> {
    const { changes } = this.#volume;
    for (const child of [...directory.children.values()]) {
      if (child.kind === "file" && child.pending && child.dirty) await changes.save(child);
    }
  }

  /** readlink(2). Throws EINVAL for what is no symbolic link. */
  async readLink(inode: FileInode, signal: AbortSignal): Promise<string> {
    if (!inode.isSymlink) throw new FsError("EINVAL", `"${inode.key}" is not a symbolic link`);
    const known = inode.attributes.target;
    if (known !== undefined) return known;
    const reader = this.#volume.options.readers.open();
    try {
      const source = inode.source!;
      const views = await this.#volume.timed(
        signal,
        async (signal) => await reader.read(source, 0, source.size, signal),
      );
      const target = await new Blob(views.map((view) => new Uint8Array(view))).text();
      inode.learnAttributes({ ...inode.attributes, target });
      return target;
    } finally {
      reader.close();
    }
  }

  /** Before the object of a key goes, or becomes another: who has its old content open keeps it. */
  async keepOrphans(key: string, signal: AbortSignal): Promise<void> {
    for (const inode of this.#volume.orphans) {
      const base = inode.staged?.base ?? inode.source;
      if (base?.key === key) await this.#keep(inode, signal);
    }
  }

  async #keep(inode: FileInode, signal: AbortSignal): Promise<void> {
    const { readers, log } = this.#volume.options;
    const reader = readers.open();
    // Held meanwhile, or the last close would discard what is being filled.
    inode.handles++;
    try {
      await this.stage(inode).fetchBase(reader.read.bind(reader), signal);
    } catch (error) {
      signal.throwIfAborted();
      // Somebody else has changed or deleted it: then the handles are stale anyway.
      log.warn("Cannot keep {name} for those who have it open: {error}", {
        name: inode.name,
        error,
      });
    } finally {
      reader.close();
      inode.handles--;
      this.released(inode);
    }
  }

  /** Makes the local file the whole content, which S3 is then to get from here. */
  async bringHere(inode: FileInode, signal: AbortSignal): Promise<void> {
    const reader = this.#volume.options.readers.open();
    inode.handles++;
    try {
      // What its object says besides is to be kept too, and is not asked for again.
      const kept = await this.keptOf(inode, undefined, signal);
      if (inode.source !== undefined) inode.kept ??= kept;
      await this.stage(inode).fetchBase(reader.read.bind(reader), signal);
      inode.uploadedGeneration = undefined;
    } finally {
      reader.close();
      inode.handles--;
    }
  }

  /**
   * What a rewrite of the file's object keeps of it (for a new file: of what `change` replaces); asked
   * for once if unknown.
   */
  async keptOf(
    inode: FileInode,
    change: Change | undefined,
    signal: AbortSignal,
  ): Promise<KeptProperties> {
    if (inode.kept !== undefined) return inode.kept;
    const { store, contentType } = this.#volume.options;
    const usual = contentType ?? contentTypeOf(inode.name);
    const key = inode.source?.key ?? (change?.remote === undefined ? undefined : change.key);
    const nothing = { metadata: {}, contentType: usual, tags: {} };
    if (key === undefined) return nothing;
    const etag = inode.source?.etag;
    try {
      const info = await store.head(key, signal);
      // A copy of our own onto it may have come in between.
      const isOurs = inode.uploading || info.etag === etag || info.etag === inode.source?.etag;
      if (inode.source !== undefined && !isOurs) return nothing;
      const metadata = info.metadata ?? {};
      inode.kept = {
        metadata,
        contentType: info.contentType ?? usual,
        tags: (info.tagCount ?? 0) > 0 ? await store.tags(key, signal) : {},
      };
      inode.storageClass ??= info.storageClass;
      // What the object says about itself counts where nothing was set here.
      if (inode.source !== undefined) {
        inode.learnAttributes({ ...decodePosixMetadata(metadata), ...inode.attributes });
      }
      return inode.kept;
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error;
      return nothing;
    }
  }

  /** A handle is closed. After the last one, what is in S3 need not be staged any more. */
  released(inode: FileInode): void {
    if (inode.handles > 0) return;
    inode.served = false;
    this.#volume.orphans.delete(inode);
    // Changed after its last close: by pages of a shared mapping.
    const change = this.#volume.changes.of(inode);
    if (change !== undefined && change.dueMs === Infinity) {
      this.#volume.writeBack.schedule(change);
      this.#volume.changes.save(inode).catch((error: unknown) => {
        this.#volume.options.log.error("Cannot journal {key}: {error}", { key: inode.key, error });
      });
    }
    this.discardIfUnused(inode);
    this.#volume.inodes.release(inode);
  }

  /** Frees the staging file of a file that is in S3, or that has neither a name nor handles. */
  discardIfUnused(inode: FileInode): void {
    const { staged } = inode;
    if (staged === undefined || inode.handles > 0 || inode.uploading) return;
    if (!inode.unlinked && (inode.pending || inode.dirty)) return;
    const { staging, blocks } = this.#volume.options;
    // What S3 has is what lies here, and need not be fetched to be read again.
    const { source } = inode;
    const isWhole = source !== undefined && !inode.dirty && !inode.unlinked && staged.complete &&
      staged.size === source.size;
    inode.staged = undefined;
    inode.synced = undefined;
    inode.uploadedGeneration = undefined;
    staging.discard(staged, isWhole ? (path) => blocks.adopt(source, path) : undefined);
    this.#volume.changes.discardRetired(inode);
    this.#volume.inodes.release(inode);
  }
}
