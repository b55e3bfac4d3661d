/**
 * What S3 is still to be told: for each key whose object is not yet what it should be, one change.
 *
 * A change is a wish, not an operation: "this key's object is to have the content and attributes of
 * that inode", or "this key is to have no object". A newer wish for a key takes the place of the older
 * one, so that rewriting, renaming and removing what was not yet sent costs nothing. Every change that
 * was acknowledged to a program has its record in the journal; the records are made of the state at
 * the time of the commit, so it does not matter in which order operations come to commit.
 *
 * Invariants: a change is filed under its key; the inode of a wish is `pending` and bears that key; a
 * key whose object another change needs (`isNeeded`) is not touched until that one is done.
 */
import type { Clock } from "../base/clock.ts";
import type { StagingArea } from "../content/staging_area.ts";
import type { StagingFile } from "../content/staging_file.ts";
import type { JournalOp, VolumeJournal } from "../journal/journal.ts";
import { Change, type Wish } from "./change.ts";
import { CHANGE, recordOf } from "./change_record.ts";
import type { FileInode, Inode, SyncedContent } from "./inode.ts";
import type { StateLog } from "./handover/state_log.ts";
import type { InodeTable } from "./inode_table.ts";
import { JournalledContents } from "./journalled_contents.ts";

export interface ChangesOptions {
  readonly journal: VolumeJournal;
  readonly staging: StagingArea;
  readonly clock: Clock;
  readonly inodes: InodeTable;
  /** Is told of each change before the journal is. */
  readonly log?: StateLog | undefined;
}

export class Changes {
  /** The bytes of small files, which are durable in the journal itself. */
  readonly contents: JournalledContents;
  readonly #options: ChangesOptions;
  readonly #byKey = new Map<string, Change>();
  /** How many changes need the object of a key: renamed files that S3 has under their old keys. */
  readonly #needs = new Map<string, number>();
  /** Which key each of them needs. */
  readonly #neededBy = new Map<Change, string>();
  /** Keys whose last commit failed: the next one brings their records up to date. */
  readonly #unsaved = new Set<string>();
  /** What else was in those commits. */
  #unsavedOps: JournalOp[] = [];

  constructor(options: ChangesOptions) {
    this.#options = options;
    this.contents = new JournalledContents(options.staging);
  }

  get size(): number {
    return this.#byKey.size;
  }

  /** In the order in which their keys were first changed. */
  values(): IterableIterator<Change> {
    return this.#byKey.values();
  }

  get(key: string): Change | undefined {
    return this.#byKey.get(key);
  }

  /** The change whose wish is the inode. */
  of(inode: Inode): Change | undefined {
    const change = inode.pending ? this.#byKey.get(keyOf(inode)!) : undefined;
    return change !== undefined && isWishOf(change, inode) ? change : undefined;
  }

  /** True when the key is to have no object, whatever a listing says. */
  isRemoved(key: string): boolean {
    // Asked for every name that is listed, when mostly nothing is pending.
    return this.#byKey.size > 0 && this.#byKey.get(key)?.wish.kind === "removal";
  }

  /** True when something else has to happen before the object at the change's key may be touched. */
  isNeeded(change: Change): boolean {
    const needs = this.#needs.get(change.key) ?? 0;
    return needs > (this.#neededBy.get(change) === change.key ? 1 : 0);
  }

  /** The key whose object has to stay until the change is carried out. */
  neededKey(change: Change): string | undefined {
    return this.#neededBy.get(change);
  }

  /** True when wishing the bytes of `sourceKey` at `key` would make changes wait for each other in a circle. */
  makesCircle(key: string, sourceKey: string): boolean {
    // The object is where it is to be: nothing waits.
    let at = sourceKey === key ? undefined : this.#after(sourceKey);
    for (let steps = 0; at !== undefined && steps <= this.#byKey.size; steps++) {
      if (at === key) return true;
      at = this.#after(at);
    }
    return false;
  }

  /** The key that the change of a key needs. */
  #after(key: string): string | undefined {
    const change = this.#byKey.get(key);
    return change === undefined ? undefined : this.#neededBy.get(change);
  }

  /**
   * The key of the inode is to become what the inode is. `remote` is the ETag of what is there now,
   * used if no change knows better.
   */
  want(inode: Inode, remote: string | undefined): Change {
    const wish: Wish = inode.kind === "file"
      ? { kind: "file", inode }
      : { kind: "directory", inode };
    inode.pending = true;
    return this.#wish(keyOf(inode)!, wish, remote);
  }

  /**
   * The key is to have no object. Returns undefined when there is none anyway. `inode`, if it was the
   * wish for the key, is no longer pending.
   */
  wantRemoved(
    key: string,
    remote: string | undefined,
    inode: Inode | undefined,
  ): Change | undefined {
    if (inode !== undefined) {
      inode.pending = false;
      this.#options.log?.touched(inode);
    }
    const present = this.#byKey.get(key);
    const nothingThere = key.endsWith("/")
      ? inode?.kind === "directory" && inode.isNew
      : (present === undefined ? remote : present.remote) === undefined;
    const mayBeThere = present !== undefined &&
      (present.running || present.tried || present.sent.length > 0);
    if (nothingThere && !mayBeThere) {
      if (present !== undefined) this.#drop(present);
      return undefined;
    }
    const uploading = mayBeThere && present.wish.kind === "file"
      ? present.wish.inode.size
      : present?.uploadingSize;
    const change = this.#wish(key, { kind: "removal" }, remote);
    change.uploadingSize = uploading;
    // Also for a directory that is made anew meanwhile.
    change.tried = true;
    return change;
  }

  /** A removal that an earlier run has wished. */
  restoreRemoval(
    key: string,
    remote: string | undefined,
    uploadingSize: number | undefined,
  ): Change {
    const change = this.#wish(key, { kind: "removal" }, remote);
    change.uploadingSize = uploadingSize;
    return change;
  }

  /** To be called when the source of a wished inode has become another object. */
  noteSource(change: Change): void {
    this.#forgetNeed(change);
    if (change.wish.kind !== "file") return;
    const { inode } = change.wish;
    const needed = neededKeyOf(inode);
    if (needed === undefined) return;
    this.#neededBy.set(change, needed);
    this.#need(needed);
  }

  /** The object at the key that the change needs stays until the end, whatever becomes of the change. */
  hold(change: Change): Disposable {
    const needed = this.#neededBy.get(change);
    if (needed !== undefined) this.#need(needed);
    return {
      [Symbol.dispose]: () => {
        if (needed !== undefined) this.#unneed(needed);
      },
    };
  }

  /** S3 has what was wished, or the wish was given up. The caller commits. */
  settle(change: Change): void {
    const { wish } = change;
    this.#drop(change);
    if (wish.kind === "removal") return;
    wish.inode.pending = false;
    this.#options.log?.touched(wish.inode);
    this.#options.inodes.release(wish.inode);
  }

  /** To be called after a commit of the inode's key: frees the staging files that it has not named. */
  discardRetired(inode: FileInode): void {
    if (inode.uploading || (inode.dirty && inode.synced?.staged !== inode.staged)) return;
    for (const staged of inode.retired.splice(0)) this.#options.staging.discard(staged);
  }

  /** Makes what the file holds now durable on this machine, and then its record. */
  async save(inode: FileInode): Promise<void> {
    await this.sync(inode);
    const { key } = inode;
    if (key !== undefined) await this.commit([key]);
    this.discardRetired(inode);
  }

  /** Makes what the file holds now durable on this machine; if it is small, with the next commit. */
  async sync(inode: FileInode): Promise<void> {
    const { staged, synced } = inode;
    if (staged === undefined) return;
    const { state } = staged;
    const isSame = synced?.staged === staged && synced.state === state;
    if (isSame && (!synced.inJournal || this.contents.has(staged, state))) return;
    const layout = staged.layout();
    if (this.contents.take(staged)) {
      inode.synced = { staged, state, layout, inJournal: true };
      return;
    }
    await this.#options.staging.datasync(staged);
    // Overtaken by a sync of something newer, or replaced meanwhile.
    const newer = inode.synced?.staged === inode.staged && (inode.synced?.state ?? 0) > state;
    if (inode.staged === staged && !newer) {
      inode.synced = { staged, state, layout, inJournal: false };
    }
  }

  /** Makes the present state of the keys durable, in one transaction with `also`. */
  async commit(keys: Iterable<string>, also: readonly JournalOp[] = []): Promise<void> {
    const ops: JournalOp[] = [];
    const all = new Set([...this.#unsaved, ...keys]);
    this.#note(all);
    const rest = [...this.#unsavedOps, ...also];
    this.#unsaved.clear();
    this.#unsavedOps = [];
    const promised: { readonly inode: FileInode; readonly synced: SyncedContent }[] = [];
    const naming = new Map<string, StagingFile | undefined>();
    for (const key of all) {
      const change = this.#byKey.get(key);
      const record = change === undefined || !this.#isDurable(change)
        ? undefined
        : recordOf(change, this.#options.staging);
      if (record !== undefined) ops.push({ put: { kind: CHANGE, key, value: record } });
      else if (change === undefined) ops.push({ delete: { kind: CHANGE, key } });
      else continue;
      const inode = change?.wish.kind === "file" ? change.wish.inode : undefined;
      const inJournal = record?.wish === "file" && record.staged?.inJournal === true;
      naming.set(key, inJournal ? inode?.staged : undefined);
      if (inode?.synced !== undefined) promised.push({ inode, synced: inode.synced });
    }
    for (const { synced: { staged, layout } } of promised) staged.promise(layout);
    const contents = this.contents.opsFor(naming);
    // Removing something has to be possible on a full disk.
    const makesRoom = [...all].some((key) => {
      const change = this.#byKey.get(key);
      return change === undefined || change.wish.kind === "removal";
    });
    try {
      await this.#options.journal.commit([...ops, ...contents.ops, ...rest], { makesRoom });
      contents.stored();
      this.#options.log?.committed(all);
      for (const { inode, synced } of promised) {
        // Unless a larger one is on its way.
        if (inode.synced === synced) synced.staged.promiseOnly(synced.layout);
      }
    } catch (error) {
      contents.failed();
      for (const key of all) this.#unsaved.add(key);
      this.#unsavedOps.push(...rest);
      throw error;
    }
  }

  /** The hand-over log must not know less than the journal. */
  #note(keys: Iterable<string>): void {
    const { log } = this.#options;
    if (log === undefined) return;
    for (const key of keys) log.changed(key);
    log.flush();
  }

  /** False when the journal has let the content go, or never got it, and it cannot go with this commit. */
  #isDurable({ wish }: Change): boolean {
    if (wish.kind !== "file" || !wish.inode.dirty) return true;
    const { inode } = wish;
    const { staged, synced } = inode;
    if (synced?.staged !== staged || !synced?.inJournal) return true;
    if (this.contents.has(synced.staged, synced.state)) return true;
    if (!this.contents.take(synced.staged)) return false;
    const { state } = synced.staged;
    inode.synced = { ...synced, state, layout: synced.staged.layout() };
    return true;
  }

  #wish(key: string, wish: Wish, remote: string | undefined): Change {
    let change = this.#byKey.get(key);
    if (change === undefined) {
      change = new Change(key, wish, remote, this.#options.clock.nowMs());
      this.#byKey.set(key, change);
    } else {
      change.wish = wish;
      change.revision++;
      change.error = undefined;
      change.attempts = 0;
    }
    this.#options.log?.changed(key);
    this.noteSource(change);
    return change;
  }

  #drop(change: Change): void {
    this.#options.log?.changed(change.key);
    this.#forgetNeed(change);
    if (this.#byKey.get(change.key) === change) this.#byKey.delete(change.key);
    if (!change.running) { for (const waiter of change.waiters.splice(0)) waiter.resolve(); }
  }

  #forgetNeed(change: Change): void {
    const needed = this.#neededBy.get(change);
    if (needed === undefined) return;
    this.#neededBy.delete(change);
    this.#unneed(needed);
  }

  #need(key: string): void {
    this.#needs.set(key, (this.#needs.get(key) ?? 0) + 1);
  }

  #unneed(key: string): void {
    const left = this.#needs.get(key)! - 1;
    if (left === 0) this.#needs.delete(key);
    else this.#needs.set(key, left);
  }
}

/** The key of the object that has what of the inode is not here: bytes, or what it says besides. */
export function neededKeyOf(inode: FileInode): string | undefined {
  if (!inode.dirty) return inode.source?.key;
  if (!inode.staged!.complete) return inode.staged!.base?.key;
  return inode.kept === undefined ? inode.source?.key : undefined;
}

/** The key of an inode's object. */
export function keyOf(inode: Inode): string | undefined {
  return inode.kind === "file" ? inode.key : inode.unlinked ? undefined : inode.prefix;
}

function isWishOf(change: Change, inode: Inode): boolean {
  return change.wish.kind !== "removal" && change.wish.inode === inode;
}
