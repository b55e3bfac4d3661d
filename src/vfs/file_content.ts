/**
 * The content of files that are changed: where writes go. (Reads: read_file.ts.)
 *
 * The first change makes a staging file, which from then on is the content, until it is in S3 and the
 * last handle is closed. `acknowledge` makes it durable as close and fsync promise it: in the journal,
 * from where it goes to S3 by itself, or in S3.
 */
import { decodePosixMetadata } from "../listings/posix_metadata.ts";
import type { StagingFile } from "../content/staging_file.ts";
import { NotFoundError } from "../s3/errors.ts";
import type { ObjectInfo } from "../s3/object_store.ts";
import type { Change } from "./change.ts";
import { contentTypeOf } from "./content_type.ts";
import { FsError } from "./file_system.ts";
import type { FileHandle } from "./handle_table.ts";
import type { DirectoryInode, FileInode, KeptProperties } from "./inode.ts";
import type { Durability, Volume } from "./volume.ts";

export class FileContent {
  readonly #volume: Volume;

  constructor(volume: Volume) {
    this.#volume = volume;
  }

  /** write() */
  write(handle: FileHandle, offset: number, data: Uint8Array<ArrayBuffer>): number {
    const { inode } = handle;
    this.stage(inode).write(data, offset);
    this.changed(inode);
    this.#volume.log?.wrote(inode, offset, data.byteLength);
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
    this.#volume.log?.touched(inode);
    this.changed(inode);
  }

  /** The inode's staging file, made over its object (or over nothing) if there is none yet. */
  stage(inode: FileInode): StagingFile {
    if (inode.staged === undefined) {
      inode.staged = this.#volume.options.staging.create(inode.source);
      this.#volume.log?.touched(inode);
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
      // What it was fetched from is about to go.
      this.#volume.log?.touched(inode);
      this.#volume.log?.flush();
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
      this.#volume.log?.touched(inode);
    } finally {
      reader.close();
      inode.handles--;
    }
  }

  /**
   * What a rewrite of the file's object keeps of it (for a new file: of what `change` replaces); asked
   * for once if unknown. `told`: what is known of the file's object.
   */
  async keptOf(
    inode: FileInode,
    change: Change | undefined,
    signal: AbortSignal,
    told?: ObjectInfo,
  ): Promise<KeptProperties> {
    if (inode.kept !== undefined) return inode.kept;
    const { store, contentType } = this.#volume.options;
    const usual = contentType ?? contentTypeOf(inode.name);
    const key = inode.source?.key ?? (change?.remote === undefined ? undefined : change.key);
    const nothing = { metadata: {}, contentType: usual, tags: {} };
    if (key === undefined) return nothing;
    const etag = inode.source?.etag;
    try {
      const info = told?.etag === etag && told !== undefined ? told : await store.head(key, signal);
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
    if (isWhole && !staged.isOnDisk && source.size > 0) {
      const bytes = new Uint8Array(source.size);
      staged.readPresent(bytes, 0);
      blocks.saveWhole(source, bytes);
    }
    this.#volume.log?.touched(inode);
    // Before the bytes that the log names are gone.
    this.#volume.log?.flush();
    staging.discard(staged, isWhole ? (path) => blocks.adopt(source, path) : undefined);
    this.#volume.changes.discardRetired(inode);
    this.#volume.inodes.release(inode);
  }
}
