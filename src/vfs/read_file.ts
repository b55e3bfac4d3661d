/**
 * Where reads come from: a file that is only read is read from its object, pinned to the ETag that it
 * was opened with; one that is changed, from what is staged of it, over its object.
 */
import type { ObjectSource } from "../cache/object_source.ts";
import { NotFoundError, PreconditionFailedError, StoreError } from "../s3/errors.ts";
import { headIfPresent } from "../s3/head_if_present.ts";
import { FsError, type MaybePromise, type OpContext } from "./file_system.ts";
import type { FileHandle } from "./handle_table.ts";
import type { FileInode } from "./inode.ts";
import type { Namespace } from "./namespace.ts";
import type { Volume } from "./volume.ts";

/** A failed read is the answer for so long: the kernel asks again at once, and would wait as long again. */
const FAILURE_MS = 500;

export class ReadFile {
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
}
