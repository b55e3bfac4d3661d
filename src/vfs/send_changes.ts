/** Carries changes out: each kind by its own part. */
import { encodePosixMetadata } from "../listings/posix_metadata.ts";
import { headIfPresent } from "../s3/head_if_present.ts";
import type { Change } from "./change.ts";
import { DIRECTORY_CONTENT_TYPE } from "./content_type.ts";
import type { DirectoryInode } from "./inode.ts";
import type { SendFile } from "./send_file.ts";
import type { SendRemovals } from "./send_removals.ts";
import type { Volume } from "./volume.ts";
import type { Performer } from "./write_back.ts";

export class SendChanges implements Performer {
  readonly #volume: Volume;
  readonly #files: SendFile;
  readonly #removals: SendRemovals;

  constructor(volume: Volume, files: SendFile, removals: SendRemovals) {
    this.#volume = volume;
    this.#files = files;
    this.#removals = removals;
  }

  async write(change: Change, signal: AbortSignal): Promise<void> {
    const { wish } = change;
    using _hold = this.#volume.options.listings.hold(change.key);
    if (wish.kind === "file") await this.#files.send(change, wish.inode, signal);
    else if (wish.kind === "directory") await this.#sendDirectory(change, wish.inode, signal);
  }

  remove(changes: readonly Change[], signal: AbortSignal): Promise<(Error | undefined)[]> {
    return this.#removals.send(changes, signal);
  }

  /** Writes a directory's own object, with its attributes. It has no content that could be lost. */
  async #sendDirectory(change: Change, inode: DirectoryInode, signal: AbortSignal): Promise<void> {
    const { changes, options: { store, attributes, listings } } = this.#volume;
    const { attributesRevision } = inode;
    const before = inode.isNew ? undefined : await headIfPresent(store, change.key, signal);
    const metadata = encodePosixMetadata(inode.attributes, before?.metadata);
    const contentType = before?.contentType ?? DIRECTORY_CONTENT_TYPE;
    if (before !== undefined && before.size > 0) {
      // Somebody else's idea of a directory: what it holds stays.
      const source = { key: change.key, ifMatch: before.etag };
      await store.copy(source, change.key, { replace: { metadata, contentType } }, signal);
    } else {
      await store.put(change.key, new Uint8Array(0), { contentType, metadata }, signal);
    }
    inode.attributesSaved(attributesRevision);
    this.#volume.leaveNew(inode);
    if (changes.of(inode) === change && !inode.attributesDirty) {
      attributes.remember(inode.parent!.prefix, inode.name, "", inode.attributes);
      listings.set(inode.parent!.prefix, inode.name, {
        kind: "directory",
        attributes: inode.attributes,
      });
      listings.setMarker(change.key);
      this.#volume.showDirectory(inode.parent!);
      changes.settle(change);
    }
    await changes.commit([change.key]);
  }
}
