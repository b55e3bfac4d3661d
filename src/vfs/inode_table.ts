/**
 * The inodes of a mount by number, and when they may go. Those of which the kernel knows no more than a
 * listing has told are asleep, without an object (known_rows.ts), and wake when they are asked for.
 *
 * An inode stays while the kernel knows it (lookups), a handle is open or expected, S3 lacks something
 * of it, or an inode below it stays. Invariants: the root is always there; an inode in a directory's
 * `children` has that directory as its parent, bears that name, and is in the table.
 */
import { type AsleepFile, AsleepFiles } from "./asleep_files.ts";
import { FsError, type InodeNumber, ROOT_INODE } from "./file_system.ts";
import type { FileFacts, NameTable } from "../listings/name_table.ts";
import { DirectoryInode, FileInode, type Inode } from "./inode.ts";
import { BLOCK_ROWS } from "./known_rows.ts";

/**
 * An inode that the kernel knows from an earlier process, and nobody has asked for since: a file whose
 * place tells all. It is made when it is asked for.
 */
export interface Dormant {
  readonly parent: InodeNumber | 0;
  readonly name: string;
  readonly isDirectory: boolean;
  readonly lookups: number;
}

/** Where is noted what another process has to know of inodes (handover/state_log.ts). */
export interface InodeNotes {
  /** The kernel gets the inode once more, which is counted already. */
  given(inode: Inode): void;
  /** The kernel gets a file that is asleep; by now it knows it so often. */
  placed(number: InodeNumber, directory: DirectoryInode, name: string, lookups: number): void;
  forgot(number: InodeNumber, count: number): void;
  /** Something about the inode has changed. */
  touched(inode: Inode): void;
}

/** Inodes that the kernel has forgotten whose numbers are kept for when it asks again. */
const FORGOTTEN_MAX = 50_000;

export class InodeTable {
  readonly root = new DirectoryInode(ROOT_INODE, undefined, "", {});
  readonly #inodes = new Map<InodeNumber, Inode>([[ROOT_INODE, this.root]]);
  #last: number = ROOT_INODE;
  /**
   * The numbers of inodes that were let go but keep their names, oldest first. Programs take a file with
   * another number for another file: tar, for one, leaves an empty file where it meant to put a link.
   */
  readonly #forgotten = new Map<string, InodeNumber>();
  readonly #dormant = new Map<InodeNumber, Dormant>();
  /** Their numbers by their places. */
  readonly #dormantAt = new Map<string, InodeNumber>();
  /** How many of them are in a directory, by its number. */
  readonly #dormantIn = new Map<InodeNumber | 0, number>();
  /** Undefined: no other process could go on. */
  log: InodeNotes | undefined;
  readonly #asleep = new AsleepFiles({
    reserve: () => {
      const first = Math.ceil((this.#last + 1) / BLOCK_ROWS) * BLOCK_ROWS;
      this.#last = first + BLOCK_ROWS - 1;
      return first;
    },
    wake: (number, lookups, file) => this.#woken(number, lookups, file),
    forgotten: ({ number: parent }, name, number) => this.#keep(`${parent}/${name}`, number),
  });

  /** Makes an inode that wakes stand for its content. */
  onWake: (inode: FileInode, file: FileFacts) => void = () => {};

  /** With those that are asleep. */
  get size(): number {
    return this.#inodes.size + this.#asleep.size;
  }

  /** Those that are awake. */
  values(): IterableIterator<Inode> {
    return this.#inodes.values();
  }

  /** Throws ESTALE for a number that is not (or no longer) in use. */
  get(number: InodeNumber): Inode {
    const inode = this.#inodes.get(number) ?? this.#asleep.wake(number);
    if (inode === undefined) throw new FsError("ESTALE", `There is no inode ${number}`);
    return inode;
  }

  /** The inode that has the number now. */
  present(number: InodeNumber): Inode | undefined {
    return this.#inodes.get(number);
  }

  /** Throws ENOTDIR for a file. */
  directory(number: InodeNumber): DirectoryInode {
    const inode = this.get(number);
    if (inode.kind !== "directory") {
      throw new FsError("ENOTDIR", `"${inode.key}" is not a directory`);
    }
    return inode;
  }

  /** Throws EISDIR for a directory. */
  file(number: InodeNumber): FileInode {
    const inode = this.get(number);
    if (inode.kind !== "file") throw new FsError("EISDIR", `"${inode.prefix}" is a directory`);
    return inode;
  }

  /** A new directory inode under `name`, which must be free. */
  addDirectory(parent: DirectoryInode, name: string): DirectoryInode {
    const number = this.#forgottenNumber(`${parent.number}/${name}/`);
    return this.#add(new DirectoryInode(number ?? this.#next(), parent, name, {}));
  }

  /** A new file inode under `name`, which must be free. */
  addFile(parent: DirectoryInode, name: string): FileInode {
    const number = this.#forgottenNumber(`${parent.number}/${name}`) ??
      parent.children.asleep?.take(name);
    return this.#add(new FileInode(number ?? this.#next(), parent, name, {}));
  }

  /**
   * Counts one lookup of a file in a row of its directory's listing, which has no inode that is awake, and
   * returns its number. Undefined when the file needs an inode of its own.
   */
  giveRow(
    directory: DirectoryInode,
    table: NameTable,
    row: number,
    name: string,
    file: FileFacts,
  ): InodeNumber | undefined {
    const rows = this.#asleep.rowsOf(directory, table);
    const own = rows.table === table ? row : rows.rowOf(name, file);
    if (own < 0) return undefined;
    if (rows.numberOf(own) === undefined && this.#hadNumber(directory, name)) return undefined;
    const number = rows.give(own);
    if (number !== undefined) this.log?.placed(number, directory, name, rows.lookupsOf(own));
    return number;
  }

  /** The kernel gets the inode once more. */
  give(inode: Inode): void {
    inode.lookups++;
    this.log?.given(inode);
  }

  /** Takes an inode out of its directory: its name is free or stands for something else now. */
  detach(inode: Inode): void {
    const { parent, name } = inode;
    this.log?.touched(inode);
    if (parent?.children.get(name) === inode) parent.children.delete(name);
    this.release(inode);
  }

  /** Puts an inode under another name, which must be free. */
  move(inode: Inode, parent: DirectoryInode, name: string): void {
    const before = inode.parent!;
    if (before.children.get(inode.name) === inode) before.children.delete(inode.name);
    inode.parent = parent;
    inode.name = name;
    parent.children.set(name, inode);
    this.log?.touched(inode);
    this.release(before);
  }

  /** Two inodes change places. */
  exchange(a: Inode, b: Inode): void {
    const [parentA, nameA] = [a.parent!, a.name];
    const [parentB, nameB] = [b.parent!, b.name];
    [a.parent, a.name] = [parentB, nameB];
    [b.parent, b.name] = [parentA, nameA];
    parentB.children.set(nameB, a);
    parentA.children.set(nameA, b);
    this.log?.touched(a);
    this.log?.touched(b);
  }

  /** What the listing tells of an inode that is asleep; undefined for any other. */
  asleep(number: InodeNumber): AsleepFile | undefined {
    return this.#inodes.has(number) ? undefined : this.#asleep.get(number);
  }

  /** The kernel drops `count` lookups. */
  forget(number: InodeNumber, count: number): void {
    const inode = this.#inodes.get(number);
    if (inode === this.root) return;
    this.log?.forgot(number, count);
    if (inode === undefined) {
      this.#forgetAsleep(number, count);
      return this.#forgetDormant(number, count);
    }
    inode.lookups = Math.max(0, inode.lookups - count);
    this.release(inode);
  }

  /** The dormant inode of that number. */
  dormantOf(number: InodeNumber): Dormant | undefined {
    return this.#dormant.get(number);
  }

  /** All that the kernel knows and that are not awake, by their numbers. */
  *dormant(): IterableIterator<[InodeNumber, Dormant]> {
    yield* this.#dormant.entries();
    for (const [number, { directory, name }, lookups] of this.#asleep.entries()) {
      yield [number, { parent: directory.number, name, isDirectory: false, lookups }];
    }
  }

  /** The places of all that the kernel knows. */
  *known(): IterableIterator<readonly [parent: InodeNumber, name: string]> {
    for (const { parent, name, lookups } of this.#inodes.values()) {
      if (parent !== undefined && lookups > 0) yield [parent.number, name];
    }
    for (const [, { parent, name }] of this.dormant()) if (parent !== 0) yield [parent, name];
  }

  /** Enters a dormant inode of an earlier process. */
  addDormant(number: InodeNumber, dormant: Dormant): void {
    this.#last = Math.max(this.#last, number);
    this.#dormant.set(number, dormant);
    this.#dormantAt.set(`${dormant.parent}/${dormant.name}`, number);
    this.#dormantIn.set(dormant.parent, (this.#dormantIn.get(dormant.parent) ?? 0) + 1);
  }

  /** An inode of an earlier process, still without its parent. */
  restoreFile(number: InodeNumber, name: string): FileInode {
    const inode = new FileInode(number, undefined, name, {});
    this.#restore(inode);
    return inode;
  }

  /** As `restoreFile`. */
  restoreDirectory(number: InodeNumber, name: string): DirectoryInode {
    const inode = new DirectoryInode(number, undefined, name, {});
    this.#restore(inode);
    return inode;
  }

  /** A restored inode bears its name, which must be free. */
  place(inode: Inode, parent: DirectoryInode): void {
    if (parent.children.has(inode.name)) throw new Error(`"${inode.name}" is taken`);
    parent.children.set(inode.name, inode);
  }

  /** Lets the inode go, and then its parent, if nothing holds it any more. */
  release(inode: Inode): void {
    if (inode === this.root || inode.lookups > 0 || inode.handles > 0 || inode.pending) return;
    if (inode.kind === "directory" ? this.#hasBelow(inode) : inode.fetchedAhead) return;
    if (inode.kind === "file" && inode.staged !== undefined) return;
    // Let go before: its number may be another one's by now.
    if (this.#inodes.get(inode.number) !== inode) return;
    this.#inodes.delete(inode.number);
    if (inode.kind === "directory") this.#asleep.drop(inode);
    if (inode.isNoted) this.log?.touched(inode);
    const { parent, name } = inode;
    if (parent === undefined) return;
    if (parent.children.get(name) === inode) {
      parent.children.delete(name);
      this.#keepNumber(inode, parent);
    }
    this.release(parent);
  }

  /** Throws when an invariant of the class comment does not hold. For tests. */
  checkInvariants(): void {
    if (this.#inodes.get(ROOT_INODE) !== this.root) throw new Error("The root is not in the table");
    for (const [number, inode] of this.#inodes) {
      if (inode.number !== number) throw new Error(`Inode ${inode.number} is filed as ${number}`);
      if (inode.lookups < 0 || inode.handles < 0) throw new Error(`Inode ${number} counts below 0`);
      if (inode.kind !== "directory") continue;
      for (const [name, child] of inode.children) {
        if (child.parent !== inode || child.name !== name) {
          throw new Error(`"${name}" in inode ${number} does not know where it is`);
        }
        if (this.#inodes.get(child.number) !== child) {
          throw new Error(`"${name}" in inode ${number} is not in the table`);
        }
      }
    }
    this.#asleep.checkInvariants((directory) => this.#inodes.get(directory.number) === directory);
  }

  #woken(number: InodeNumber, lookups: number, { directory, name, file }: AsleepFile): FileInode {
    const inode = new FileInode(number, directory, name, {});
    inode.lookups = lookups;
    inode.isNoted = this.log !== undefined;
    this.#inodes.set(number, inode);
    // Something else may have come there.
    if (directory.children.peek(name) === undefined) directory.children.set(name, inode);
    this.onWake(inode, file);
    return inode;
  }

  #forgetAsleep(number: InodeNumber, count: number): void {
    const directory = this.#asleep.forget(number, count);
    if (directory !== undefined) this.release(directory);
  }

  #hasBelow({ number, children }: DirectoryInode): boolean {
    return children.size > 0 || this.#dormantIn.has(number);
  }

  #restore(inode: Inode): void {
    inode.isNoted = true;
    this.#last = Math.max(this.#last, inode.number);
    this.#inodes.set(inode.number, inode);
  }

  #forgetDormant(number: InodeNumber, count: number): void {
    const dormant = this.#dormant.get(number);
    if (dormant === undefined) return;
    const lookups = dormant.lookups - count;
    if (lookups > 0) return void this.#dormant.set(number, { ...dormant, lookups });
    this.#removeDormant(number, dormant);
    const parent = this.#inodes.get(dormant.parent as InodeNumber);
    if (parent !== undefined) this.release(parent);
  }

  #removeDormant(number: InodeNumber, { parent, name }: Dormant): void {
    this.#dormant.delete(number);
    this.#dormantAt.delete(`${parent}/${name}`);
    const left = this.#dormantIn.get(parent)! - 1;
    if (left > 0) this.#dormantIn.set(parent, left);
    else this.#dormantIn.delete(parent);
  }

  #add<T extends Inode>(inode: T): T {
    const siblings = inode.parent!.children;
    if (siblings.has(inode.name)) throw new Error(`"${inode.name}" is taken`);
    const dormant = this.#dormant.get(inode.number);
    if (dormant !== undefined) {
      this.#removeDormant(inode.number, dormant);
      inode.lookups = dormant.lookups;
      inode.isNoted = true;
    }
    this.#inodes.set(inode.number, inode);
    siblings.set(inode.name, inode);
    return inode;
  }

  #keepNumber({ kind, number, name }: Inode, parent: DirectoryInode): void {
    if (parent.children.asleep?.giveBack(number, name)) return;
    this.#keep(`${parent.number}/${name}${kind === "directory" ? "/" : ""}`, number);
  }

  #keep(place: string, number: InodeNumber): void {
    this.#forgotten.set(place, number);
    if (this.#forgotten.size <= FORGOTTEN_MAX) return;
    const [oldest] = this.#forgotten.keys();
    this.#forgotten.delete(oldest!);
  }

  /** True when the name's inode is to have an earlier number again. */
  #hadNumber({ number }: DirectoryInode, name: string): boolean {
    if (this.#forgotten.size === 0 && this.#dormant.size === 0) return false;
    const place = `${number}/${name}`;
    return this.#forgotten.has(place) || this.#dormantAt.has(place);
  }

  /** The number that the inode of this name had. */
  #forgottenNumber(place: string): InodeNumber | undefined {
    const known = this.#dormantAt.get(place) ?? this.#forgotten.get(place);
    this.#forgotten.delete(place);
    return known;
  }

  #next(): InodeNumber {
    return ++this.#last as InodeNumber;
  }
}
