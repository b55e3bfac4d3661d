/**
 * Two writers of one name. Nobody's version is overwritten: what S3 has stays under its name, and what
 * was written here goes to S3 beside it as `NAME (conflict HOST YYYY-MM-DD HHMMSS).EXT`.
 */
import type { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { encodePosixMetadata } from "../listings/posix_metadata.ts";
import type { StagingFile } from "../content/staging_file.ts";
import { NotFoundError, PreconditionFailedError, type StoreError } from "../s3/errors.ts";
import { headIfPresent } from "../s3/head_if_present.ts";
import type { ObjectInfo } from "../s3/object_store.ts";
import { planParts } from "../s3/part_plan.ts";
import type { Change } from "./change.ts";
import { conflictName } from "./conflict_name.ts";
import { type FileInode, InodeSource } from "./inode.ts";
import type { LostAndFound } from "./lost_and_found.ts";
import type { Volume } from "./volume.ts";

/** One case of two versions. */
export interface Conflict {
  /** The name within the mount that the other version has. */
  readonly path: string;
  /** Where ours is; null when ours was a removal, or attributes only. */
  readonly copy: string | null;
  /** ISO 8601. */
  readonly at: string;
}

/** Kind of journal entries; their keys are the copies' keys. */
export const CONFLICT = "conflict";
/** So many conflicts without a copy are kept in mind; the log has all. */
const REMEMBERED_MAX = 100;
/** Clocks of this machine and of the endpoint are no further apart. */
const CLOCKS_APART_MS = 15 * 60_000;
const HASH_STEP = 4 * 2 ** 20;

export class Conflicts {
  readonly #volume: Volume;
  readonly #lostAndFound: LostAndFound;
  readonly #conflicts: Conflict[] = [];

  constructor(volume: Volume, lostAndFound: LostAndFound) {
    this.#volume = volume;
    this.#lostAndFound = lostAndFound;
  }

  /** Those of which the copy is still there, as far as is known. */
  list(): readonly Conflict[] {
    const { listings } = this.#volume.options;
    return this.#conflicts.filter(({ copy }) => {
      if (copy === null || this.#volume.inodeAt(copy) !== undefined) return true;
      const { prefix, name } = split(copy);
      const known = listings.peek(prefix, name);
      return known === undefined || known.entry !== undefined;
    });
  }

  /** Takes in what an earlier run has noted. */
  load(conflict: Conflict): void {
    this.#conflicts.push(conflict);
  }

  /** A copy, or a directory with copies, was removed or renamed: the user has dealt with it. */
  async forget(key: string): Promise<void> {
    const isMeant = ({ copy }: Conflict) =>
      copy !== null && (copy === key || (key.endsWith("/") && copy.startsWith(key)));
    const forgotten = this.#conflicts.filter(isMeant);
    if (forgotten.length === 0) return;
    for (const conflict of forgotten) this.#conflicts.splice(this.#conflicts.indexOf(conflict), 1);
    await this.#volume.options.journal.commit(
      forgotten.map(({ copy }) => ({ delete: { kind: CONFLICT, key: copy! } })),
    );
  }

  /**
   * What to do about a write that was refused because S3 has another object than the one it was to
   * replace or to copy. True: the change was mended, and is to be tried again. False: it is done, or
   * has gone to another name.
   */
  async resolve(
    change: Change,
    inode: FileInode,
    error: StoreError,
    signal: AbortSignal,
  ): Promise<boolean> {
    if (!isWishOf(change, inode)) return false;
    const isSource = error instanceof NotFoundError ||
      (error instanceof PreconditionFailedError && error.what === "source");
    const source = inode.dirty ? inode.staged!.base : inode.source;
    if (isSource && source !== undefined && source.key !== change.key) {
      return await this.#followSource(change, inode, signal);
    }
    const info = await this.#look(change.key, signal);
    if (!isWishOf(change, inode)) return false;
    if (!inode.dirty && !inode.moved) {
      if (info !== undefined && hasAttributes(info, inode)) {
        this.#adoptAttributes(change, inode, info);
      } else this.#giveUpAttributes(change, inode, info);
      return false;
    }
    // Refused for another reason than what is there: try again as before.
    if (info !== undefined && info.etag === change.remote && !isSource) return true;
    if (info !== undefined && !inode.dirty && await this.#isCopy(info, inode, change, signal)) {
      if (!isWishOf(change, inode)) return false;
      this.#adoptCopy(change, inode, info);
      return false;
    }
    if (info !== undefined && inode.dirty && isSameContent(info, inode.staged!)) {
      this.#adopt(change, inode, info);
      return false;
    }
    if (info !== undefined && change.sent.includes(info.etag) && info.etag !== change.remote) {
      // What was sent earlier, without an answer.
      change.remote = info.etag;
      return true;
    }
    const isComplete = !inode.dirty || await this.#complete(inode, signal);
    if (!isWishOf(change, inode)) return false;
    if (!isComplete) {
      await this.#setAside(change, inode);
      return false;
    }
    if (info === undefined) {
      // Removed by somebody else: what was written here is newer.
      change.remote = undefined;
      return true;
    }
    await this.#moveAside(change, inode);
    return false;
  }

  /** Another version than the one that was removed here is in S3: it stays. */
  keepRemote(change: Change): void {
    const { log, listings } = this.#volume.options;
    const { prefix } = split(change.key);
    log.warn("{key} was changed in S3 before its removal came there: it stays", {
      key: change.key,
    });
    this.#remember({ path: change.key, copy: null, at: this.#now() });
    listings.expire(prefix);
  }

  /** A renamed file whose object under the old name is not the one that was renamed. */
  async #followSource(change: Change, inode: FileInode, signal: AbortSignal): Promise<boolean> {
    const { store, log, attributes, blocks } = this.#volume.options;
    const before = inode.source!;
    const info = await this.#look(before.key, signal);
    const isComplete = !inode.dirty || await this.#complete(inode, signal);
    if (!isWishOf(change, inode)) return false;
    if (!isComplete) {
      await this.#setAside(change, inode);
      return false;
    }
    if (inode.dirty) return true;
    if (info === undefined) {
      const made = await this.#look(change.key, signal);
      if (made !== undefined && await this.#isCopy(made, inode, change, signal)) {
        this.#adoptCopy(change, inode, made);
        return false;
      }
      if (inode.staged !== undefined && await this.#complete(inode, signal)) {
        // All of it is here: it goes up from here.
        inode.uploadedGeneration = undefined;
        return true;
      }
      log.error("{key} was removed in S3 before its renaming to {to} came there", {
        key: before.key,
        to: change.key,
      });
      this.#remember({ path: before.key, copy: null, at: this.#now() });
      this.#leaveName(inode);
      this.#volume.changes.settle(change);
      return false;
    }
    // A rename is of the name, whatever it stands for.
    blocks.drop(before);
    inode.source = new InodeSource(store, before.key, info.etag, info.size);
    const entry = attributes.learn(inode.parent!.prefix, inode.name, info);
    inode.lastModifiedMs = entry.lastModifiedMs;
    inode.learnAttributes(entry.attributes ?? {});
    const removal = this.#volume.changes.get(before.key);
    if (removal?.wish.kind === "removal") removal.remote = info.etag;
    this.#volume.log?.changed(before.key);
    this.#volume.notifier.invalidateInode(inode.number, 0, 0);
    return true;
  }

  /** The very attributes are there: only the answer was lost. */
  #adoptAttributes(change: Change, inode: FileInode, info: ObjectInfo): void {
    inode.source!.etag = info.etag;
    inode.lastModifiedMs = info.lastModifiedMs;
    change.remote = info.etag;
    inode.attributesSaved(inode.attributesRevision);
  }

  /** True when the object is the copy that a rename was to make. A copied multipart object has another ETag. */
  async #isCopy(
    info: ObjectInfo,
    inode: FileInode,
    change: Change,
    signal: AbortSignal,
  ): Promise<boolean> {
    const source = inode.source!;
    if (info.size !== source.size) return false;
    if (info.etag === source.etag) return true;
    const isMultipart = /-\d+"?$/.test(source.etag);
    if (!isMultipart || info.lastModifiedMs < change.sinceMs - CLOCKS_APART_MS) return false;
    const original = await this.#look(source.key, signal);
    return original?.etag === source.etag &&
      JSON.stringify(original.metadata) === JSON.stringify(info.metadata);
  }

  /** The copy was made: only the answer was lost with the program. */
  #adoptCopy(change: Change, inode: FileInode, made: ObjectInfo): void {
    inode.source!.key = change.key;
    inode.source!.etag = made.etag;
    change.remote = made.etag;
    // Whether they came along is not known.
    if (inode.attributesDirty) inode.setAttributes(inode.attributes);
  }

  /** Attributes were set on a version that is not there any more. */
  #giveUpAttributes(change: Change, inode: FileInode, info: ObjectInfo | undefined): void {
    const { log, listings } = this.#volume.options;
    log.warn("{key} was {what} in S3: attributes that were set here do not apply to it", {
      key: change.key,
      what: info === undefined ? "removed" : "changed",
    });
    this.#remember({ path: change.key, copy: null, at: this.#now() });
    inode.attributesSaved(inode.attributesRevision);
    this.#volume.changes.settle(change);
    listings.expire(inode.parent!.prefix);
    this.#volume.notifier.invalidateEntry(inode.parent!.number, inode.name);
  }

  /** S3 has these very bytes: they were uploaded, but the answer was lost with the program. */
  #adopt(change: Change, inode: FileInode, info: ObjectInfo): void {
    const { store, listings, attributes } = this.#volume.options;
    const staged = inode.staged!;
    const source = new InodeSource(store, change.key, info.etag, info.size);
    staged.rebase(source);
    inode.source = source;
    inode.uploadedGeneration = staged.generation;
    inode.lastModifiedMs = info.lastModifiedMs;
    change.remote = info.etag;
    const sent = encodePosixMetadata(inode.attributes, info.metadata);
    const isSame = Object.entries(sent).every(([name, value]) => info.metadata?.[name] === value);
    if (isSame) inode.attributesSaved(inode.attributesRevision);
    else inode.setAttributes(inode.attributes);
    attributes.remember(inode.parent!.prefix, inode.name, info.etag, inode.attributes);
    listings.set(inode.parent!.prefix, inode.name, inode.listed());
  }

  /** Gives our version another name; its upload goes there. */
  async #moveAside(change: Change, inode: FileInode): Promise<void> {
    const { changes, options: { log, listings } } = this.#volume;
    const { parent, name } = inode;
    const path = change.key;
    const copyName = this.#freeName(inode);
    // Held while it has neither the one wish nor the other.
    inode.handles++;
    changes.settle(change);
    this.#volume.inodes.move(inode, parent!, copyName);
    this.#volume.notifier.invalidateEntry(parent!.number, name);
    const moved = changes.want(inode, undefined);
    inode.handles--;
    const conflict: Conflict = { path, copy: moved.key, at: this.#now() };
    this.#remember(conflict);
    listings.expire(parent!.prefix);
    log.warn("{path} was changed by another writer: what was written here is now {copy}", {
      path: parent!.prefix + name,
      copy: moved.key,
    });
    moved.dueMs = 0;
    await changes.commit([path, moved.key], [{
      put: { kind: CONFLICT, key: moved.key, value: conflict },
    }]);
  }

  /** What was written cannot become an object: the rest of the file was in the version that is gone. */
  async #setAside(change: Change, inode: FileInode): Promise<void> {
    const { changes, options: { staging } } = this.#volume;
    const staged = inode.staged!;
    await this.#lostAndFound.keepCopy(
      staged.path,
      { key: change.key, ...staged.layout() },
      `"${change.key}" was replaced in S3 while a part of it was being changed here`,
    );
    this.#remember({ path: change.key, copy: null, at: this.#now() });
    this.#volume.options.listings.expire(inode.parent!.prefix);
    this.#leaveName(inode);
    changes.settle(change);
    await changes.commit([change.key]);
    if (inode.handles === 0) {
      inode.staged = undefined;
      this.#volume.log?.touched(inode);
      this.#volume.log?.flush();
      staging.discard(staged);
      this.#volume.inodes.release(inode);
    }
  }

  /** Brings what is missing of the file here; false when it cannot be had any more. */
  async #complete(inode: FileInode, signal: AbortSignal): Promise<boolean> {
    const reader = this.#volume.options.readers.open();
    try {
      await inode.staged!.fetchBase(reader.read.bind(reader), signal);
      return true;
    } catch (error) {
      if (error instanceof PreconditionFailedError || error instanceof NotFoundError) return false;
      throw error;
    } finally {
      reader.close();
    }
  }

  #look(key: string, signal: AbortSignal): Promise<ObjectInfo | undefined> {
    return headIfPresent(this.#volume.options.store, key, signal);
  }

  #leaveName(inode: FileInode): void {
    const { parent, name } = inode;
    if (parent === undefined || parent.children.get(name) !== inode) return;
    parent.children.delete(name);
    this.#volume.options.listings.set(parent.prefix, name, undefined);
    this.#volume.notifier.invalidateEntry(parent.number, name);
  }

  #freeName(inode: FileInode): string {
    const { host, clock, listings } = this.#volume.options;
    const { prefix, children } = inode.parent!;
    for (let number = 1;; number++) {
      const name = conflictName(inode.name, host, clock.nowMs(), number);
      const taken = children.has(name) || listings.peek(prefix, name)?.entry !== undefined ||
        this.#volume.changes.get(prefix + name) !== undefined;
      if (!taken) return name;
    }
  }

  #remember(conflict: Conflict): void {
    this.#conflicts.push(conflict);
    const oldest = this.#conflicts.findIndex(({ copy }) => copy === null);
    if (this.#conflicts.length > REMEMBERED_MAX && oldest >= 0) this.#conflicts.splice(oldest, 1);
  }

  #now(): string {
    return new Date(this.#volume.options.clock.nowMs()).toISOString();
  }
}

/** False when the file was removed, renamed or replaced while its conflict was looked into. */
function isWishOf(change: Change, inode: FileInode): boolean {
  return change.wish.kind === "file" && change.wish.inode === inode;
}

/** True when the object has the inode's size and says of itself what was set here. */
function hasAttributes(info: ObjectInfo, inode: FileInode): boolean {
  const sent = encodePosixMetadata(inode.attributes, info.metadata);
  return info.size === inode.source!.size &&
    Object.entries(sent).every(([name, value]) => info.metadata?.[name] === value);
}

/** True when the object certainly has the bytes of the staging file. */
export function isSameContent(info: ObjectInfo, staged: StagingFile): boolean {
  if (info.size !== staged.size || !staged.complete) return false;
  const etag = info.etag.replaceAll('"', "");
  if (/^[0-9a-f]{32}$/.test(etag)) return md5(staged, 0, staged.size).toString("hex") === etag;
  const parts = planParts(staged.size);
  if (!etag.endsWith(`-${parts.length}`)) return false;
  const hash = createHash("md5");
  for (const { range } of parts) hash.update(md5(staged, range.start, range.end));
  return etag === `${hash.digest("hex")}-${parts.length}`;
}

function md5(staged: StagingFile, start: number, end: number): Buffer {
  const hash = createHash("md5");
  const buffer = new Uint8Array(Math.min(HASH_STEP, end - start));
  for (let at = start; at < end; at += buffer.byteLength) {
    const target = buffer.subarray(0, Math.min(buffer.byteLength, end - at));
    staged.readPresent(target, at);
    hash.update(target);
  }
  return hash.digest();
}

function split(key: string): { prefix: string; name: string } {
  const path = key.endsWith("/") ? key.slice(0, -1) : key;
  const at = path.lastIndexOf("/") + 1;
  return { prefix: path.slice(0, at), name: path.slice(at) };
}
