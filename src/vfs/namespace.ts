/**
 * From names to inodes: what the listings know, under what this mount holds itself. A file with local
 * changes counts before any listing; everything else is as the listing says, and an inode that no
 * longer fits its name leaves it (its open handles keep what they opened).
 */
import type { ListedEntry, ListedFile } from "../listings/listing.ts";
import type { PosixAttributes } from "../listings/posix_metadata.ts";
import type { FileFacts, NameTable } from "../listings/name_table.ts";
import { attrOf, listedAttr } from "./attr.ts";
import {
  type AttrReply,
  type Entry,
  FsError,
  type InodeNumber,
  type MaybePromise,
  type OpContext,
} from "./file_system.ts";
import { type DirectoryInode, type FileInode, type Inode, InodeSource } from "./inode.ts";
import type { Volume } from "./volume.ts";

/** One for all: a listing makes many inodes. */
const NO_ATTRIBUTES: PosixAttributes = {};
/** Attributes of a file that is being written: soon different, and known here alone. */
const LOCAL_ATTR_TTL_MS = 1000;

/** Where a listing tells of a name. */
export interface ListingRow {
  readonly table: NameTable;
  readonly row: number;
}

export class Namespace {
  readonly #volume: Volume;

  constructor(volume: Volume) {
    this.#volume = volume;
    volume.inodes.onWake = (inode, file) => void this.setContent(inode, { kind: "file", ...file });
  }

  /** lookup(): a negative entry when there is no such name. */
  lookup(parent: InodeNumber, name: string, context: OpContext): MaybePromise<Entry> {
    const directory = this.#volume.inodes.directory(parent);
    const entry = this.#rowEntry(directory, name);
    if (entry !== undefined) return entry;
    // Counted in the turn in which it was found: in the next one it may have been let go.
    const use = (inode: Inode | undefined) => this.entryOf(directory, inode);
    return this.#find(directory, name, context.signal, use);
  }

  /** Makes the inode of a file that the kernel knows from an earlier process, by its place alone. */
  awaken(number: InodeNumber, context: OpContext): MaybePromise<void> {
    const { inodes } = this.#volume;
    const dormant = inodes.dormantOf(number);
    if (dormant === undefined || dormant.parent === 0) return;
    const parent = inodes.directory(dormant.parent);
    // If it is not there any more, or another one, the operation fails with ESTALE.
    const found = this.find(parent, dormant.name, context.signal);
    return found instanceof Promise ? found.then(() => {}) : undefined;
  }

  /** getattr(): as the listing says, if the inode still bears its name. */
  getattr(number: InodeNumber, context: OpContext): MaybePromise<AttrReply> {
    const known = this.#rowAttr(number);
    if (known !== undefined) return known;
    const inode = this.#volume.inodes.get(number);
    const { parent } = inode;
    if (parent === undefined || inode.unlinked || countsItself(inode)) {
      return this.attrReply(inode);
    }
    const found = this.find(parent, inode.name, context.signal);
    const reply = (current: Inode | undefined) => {
      if (current === inode || inode.handles > 0) return this.attrReply(inode);
      // The kernel then looks the path up again.
      throw new FsError("ESTALE", `"${parent.prefix}${inode.name}" was replaced or removed`);
    };
    return found instanceof Promise ? found.then(reply) : reply(found);
  }

  /** The inode of a name, or undefined when there is none. Throws `StoreError`. */
  find(
    directory: DirectoryInode,
    name: string,
    signal: AbortSignal,
  ): MaybePromise<Inode | undefined> {
    return this.#find(directory, name, signal, (inode) => inode);
  }

  /** What `use` makes of the inode of a name. */
  #find<T>(
    directory: DirectoryInode,
    name: string,
    signal: AbortSignal,
    use: (inode: Inode | undefined) => T,
  ): MaybePromise<T> {
    if (directory.unlinked) return use(undefined);
    const child = directory.children.get(name);
    if (child !== undefined && countsItself(child)) return use(child);
    // What is below a directory that was made here is known here.
    if (directory.isNew) return use(child);
    const { listings } = this.#volume.options;
    const known = listings.peek(directory.prefix, name);
    if (known !== undefined) return use(this.resolve(directory, name, known.entry));
    return this.#volume.timed(signal, async (signal) => {
      const entry = await listings.find(directory.prefix, name, signal);
      return use(this.resolve(directory, name, entry));
    });
  }

  /**
   * To be awaited before a file is opened that may be as an earlier run has left it; undefined where
   * nothing has to be awaited. Throws ESTALE when it is another file by now, or none.
   */
  confirm(inode: FileInode, signal: AbortSignal): Promise<void> | undefined {
    const { parent, name } = inode;
    if (parent === undefined || inode.unlinked || countsItself(inode)) return undefined;
    if (parent.children.get(name) !== inode) return undefined;
    const confirmed = this.#volume.options.listings.confirm(parent.prefix, name, signal);
    return confirmed?.then((entry) => {
      if (countsItself(inode) || inode.parent !== parent || inode.name !== name) return;
      if (entry?.kind === "file" && entry.etag === inode.source!.etag) return;
      this.resolve(parent, name, entry);
      // The kernel then looks the path up again.
      throw new FsError("ESTALE", `"${parent.prefix}${name}" was replaced or removed`);
    });
  }

  /** Like `find`, but throws ENOENT. */
  async get(directory: DirectoryInode, name: string, signal: AbortSignal): Promise<Inode> {
    const inode = await this.find(directory, name, signal);
    if (inode === undefined) {
      throw new FsError("ENOENT", `There is no "${directory.prefix}${name}"`);
    }
    return inode;
  }

  /** The inode of a listed entry: the present one where it fits, else a new one. */
  resolve(
    directory: DirectoryInode,
    name: string,
    entry: ListedEntry | undefined,
  ): Inode | undefined {
    const { inodes, changes } = this.#volume;
    const child = directory.children.get(name);
    // It may have become so while the listing was under way.
    if (child !== undefined && countsItself(child)) return child;
    const key = directory.prefix + name;
    const isRemoved = entry !== undefined &&
      changes.isRemoved(entry.kind === "directory" ? `${key}/` : key);
    if (entry === undefined || isRemoved) {
      if (child?.kind === "directory" && hasLocal(child)) return child;
      if (child !== undefined) inodes.detach(child);
      return undefined;
    }
    if (entry.kind === "directory") {
      const inode = child?.kind === "directory" ? child : this.#replaceByDirectory(directory, name);
      if (entry.attributes !== undefined) inode.learnAttributes(entry.attributes);
      return inode;
    }
    if (child?.kind === "file") {
      if (child.source!.etag === entry.etag) {
        if (entry.attributes !== undefined) child.learnAttributes(entry.attributes);
        child.lastModifiedMs = entry.lastModifiedMs;
        return child;
      }
      // Handles go on with the version that they opened, under an inode that has no name any more.
      if (child.handles === 0) return this.setContent(child, entry);
    }
    if (child !== undefined) inodes.detach(child);
    return this.setContent(inodes.addFile(directory, name), entry);
  }

  /** Makes `inode` stand for another content. */
  setContent(inode: FileInode, entry: ListedFile): FileInode {
    const { store, blocks } = this.#volume.options;
    if (inode.source !== undefined) blocks.drop(inode.source);
    inode.source = new InodeSource(store, inode.key!, entry.etag, entry.size);
    if (inode.isNoted) this.#volume.log?.touched(inode);
    inode.lastModifiedMs = entry.lastModifiedMs;
    inode.storageClass = entry.storageClass;
    inode.learnAttributes(entry.attributes ?? NO_ATTRIBUTES);
    inode.ctime = undefined;
    inode.kept = undefined;
    return inode;
  }

  /** The kernel's entry of an inode, counting one lookup; of undefined, a negative one. */
  entryOf(directory: DirectoryInode, inode: Inode | undefined): Entry {
    const ttlMs = this.#volume.options.listings.remainingTtlMs(directory.prefix);
    if (inode === undefined) return { ino: 0, generation: 0, entryTtlMs: ttlMs, attrTtlMs: 0 };
    this.#volume.inodes.give(inode);
    const { attr, ttlMs: attrTtlMs } = this.attrReply(inode);
    return { ino: inode.number, generation: 0, attr, entryTtlMs: ttlMs, attrTtlMs };
  }

  /**
   * The same of a row of the directory's listing, of which no more is known and no inode is awake; undefined
   * when it needs an inode.
   */
  rowEntryOf(
    directory: DirectoryInode,
    { table, row }: ListingRow,
    name: string,
    file: FileFacts,
  ): Entry | undefined {
    const { inodes, options } = this.#volume;
    const ino = inodes.giveRow(directory, table, row, name, file);
    if (ino === undefined) return undefined;
    const ttlMs = options.listings.remainingTtlMs(directory.prefix);
    const attr = listedAttr(options, ino, file);
    return { ino, generation: 0, attr, entryTtlMs: ttlMs, attrTtlMs: ttlMs };
  }

  /** As `lookup`, where the listing tells all that is known. */
  #rowEntry(directory: DirectoryInode, name: string): Entry | undefined {
    const { changes, options } = this.#volume;
    if (directory.unlinked || directory.isNew) return undefined;
    if (directory.children.peek(name) !== undefined) return undefined;
    const place = options.listings.peekRow(directory.prefix, name);
    if (place === undefined || changes.isRemoved(directory.prefix + name)) return undefined;
    return this.rowEntryOf(directory, place, name, place.table.file(place.row)!);
  }

  /** As `getattr`, of an inode that is asleep and as the listing says. */
  #rowAttr(number: InodeNumber): AttrReply | undefined {
    const { inodes, options } = this.#volume;
    const asleep = inodes.asleep(number);
    if (asleep === undefined || asleep.directory.unlinked) return undefined;
    const { prefix } = asleep.directory;
    const place = options.listings.peekRow(prefix, asleep.name);
    const file = place?.table.file(place.row);
    if (file?.etag !== asleep.file.etag || file.size !== asleep.file.size) return undefined;
    return {
      attr: listedAttr(options, number, file),
      ttlMs: options.listings.remainingTtlMs(prefix),
    };
  }

  attrReply(inode: Inode): AttrReply {
    const { listings } = this.#volume.options;
    const ttlMs = inode.parent === undefined || countsItself(inode)
      ? LOCAL_ATTR_TTL_MS
      : listings.remainingTtlMs(inode.parent.prefix);
    return { attr: attrOf(this.#volume, inode), ttlMs };
  }

  #replaceByDirectory(directory: DirectoryInode, name: string): DirectoryInode {
    const child = directory.children.get(name);
    if (child !== undefined) this.#volume.inodes.detach(child);
    return this.#volume.inodes.addDirectory(directory, name);
  }
}

/** True when what is known here of the inode counts, whatever a listing says. */
export function countsItself(inode: Inode): boolean {
  return inode.kind === "file" ? inode.local : inode.pending;
}

/** True when something in the directory is not in S3 yet. */
export function hasLocal(directory: DirectoryInode): boolean {
  for (const child of directory.children.values()) {
    if (countsItself(child) || (child.kind === "directory" && hasLocal(child))) return true;
  }
  return false;
}
