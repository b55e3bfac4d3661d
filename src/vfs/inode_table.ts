/**
 * The inodes of a mount by number, and when they may go. Those of which the kernel knows no more than a
 * listing has told are asleep, without an object (known_rows.ts), and wake when they are asked for.
 *
 * An inode stays while the kernel knows it (lookups), a handle is open or expected, S3 lacks something
 * of it, or an inode below it stays. Invariants: the root is always there; an inode in a directory's
 * `children` has that directory as its parent, bears that name, and is in the table.
 */
import { FsError, type InodeNumber, ROOT_INODE } from "./file_system.ts";
import type { FileFacts, NameTable } from "../listings/name_table.ts";
import { DirectoryInode, FileInode, type Inode } from "./inode.ts";
import { BLOCK_ROWS, KnownRows, type RowBlock, type RowKeeper } from "./known_rows.ts";

/** Inodes that the kernel has forgotten whose numbers are kept for when it asks again. */
const FORGOTTEN_MAX = 50_000;

type Rows = KnownRows<DirectoryInode, FileInode>;

/** A file that is asleep. */
export interface AsleepFile {
  readonly directory: DirectoryInode;
  readonly name: string;
  readonly file: FileFacts;
}

export class InodeTable {
  readonly root = new DirectoryInode(ROOT_INODE, undefined, "", {});
  readonly #inodes = new Map<InodeNumber, Inode>([[ROOT_INODE, this.root]]);
  #last: number = ROOT_INODE;
  /**
   * The numbers of inodes that were let go but keep their names, oldest first. Programs take a file with
   * another number for another file: tar, for one, leaves an empty file where it meant to put a link.
   */
  readonly #forgotten = new Map<string, InodeNumber>();
  /** Numbers of inodes that are or were asleep, by number / BLOCK_ROWS. */
  readonly #blocks = new Map<number, RowBlock<DirectoryInode, FileInode>>();
  readonly #keeper: RowKeeper<DirectoryInode, FileInode> = {
    reserve: (make) => {
      const firstNumber = Math.ceil((this.#last + 1) / BLOCK_ROWS) * BLOCK_ROWS;
      this.#last = firstNumber + BLOCK_ROWS - 1;
      const block = make(firstNumber);
      this.#blocks.set(firstNumber / BLOCK_ROWS, block);
      return block;
    },
    wake: (rows, number, name, lookups, file) => {
      const { directory } = rows;
      const inode = new FileInode(number, directory, name, {});
      inode.lookups = lookups;
      this.#inodes.set(number, inode);
      // Something else may have come there.
      if (directory.children.peek(name) === undefined) directory.children.set(name, inode);
      this.onWake(inode, file);
      return inode;
    },
  };

  /** Makes an inode that wakes stand for its content. */
  onWake: (inode: FileInode, file: FileFacts) => void = () => {};

  /** With those that are asleep. */
  get size(): number {
    let size = this.#inodes.size;
    for (const { known } of this.#blocks.values()) size += known;
    return size;
  }

  /** Those that are awake. */
  values(): IterableIterator<Inode> {
    return this.#inodes.values();
  }

  /** Throws ESTALE for a number that is not (or no longer) in use. */
  get(number: InodeNumber): Inode {
    const inode = this.#inodes.get(number) ?? this.#wake(number);
    if (inode === undefined) throw new FsError("ESTALE", `There is no inode ${number}`);
    return inode;
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
    const rows = this.#rowsOf(directory, table);
    const own = rows.table === table ? row : rows.rowOf(name, file);
    if (own < 0) return undefined;
    const isNew = this.#forgotten.size > 0 && rows.numberOf(own) === undefined;
    if (isNew && this.#forgotten.has(`${directory.number}/${name}`)) return undefined;
    return rows.give(own);
  }

  /** Takes an inode out of its directory: its name is free or stands for something else now. */
  detach(inode: Inode): void {
    const { parent, name } = inode;
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
  }

  /** Where the listing tells of an inode that is asleep; undefined for any other. */
  asleep(number: InodeNumber): AsleepFile | undefined {
    const block = this.#inodes.has(number) ? undefined : this.#blockOf(number);
    const row = block === undefined ? -1 : block.firstRow + number - block.firstNumber;
    if (block?.rows.numberOf(row) === undefined) return undefined;
    const { directory, table } = block.rows;
    return { directory, name: table.key(row), file: table.file(row)! };
  }

  /** The kernel drops `count` lookups. */
  forget(number: InodeNumber, count: number): void {
    const inode = this.#inodes.get(number);
    if (inode === undefined) return this.#forgetRow(number, count);
    if (inode === this.root) return;
    inode.lookups = Math.max(0, inode.lookups - count);
    this.release(inode);
  }

  /** Lets the inode go, and then its parent, if nothing holds it any more. */
  release(inode: Inode): void {
    if (inode === this.root || inode.lookups > 0 || inode.handles > 0 || inode.pending) return;
    if (inode.kind === "directory" ? inode.children.size > 0 : inode.fetchedAhead) return;
    if (inode.kind === "file" && inode.staged !== undefined) return;
    // Let go before: its number may be another one's by now.
    if (this.#inodes.get(inode.number) !== inode) return;
    this.#inodes.delete(inode.number);
    if (inode.kind === "directory") this.#dropRows(inode);
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
    for (const { rows, firstNumber } of this.#blocks.values()) {
      const { directory, count } = rows;
      if (directory.children.asleep !== rows || this.#inodes.get(directory.number) !== directory) {
        throw new Error(`The inodes from ${firstNumber} on have no directory`);
      }
      const known = rows.blocks().reduce((sum, block) => sum + block.known, 0);
      if (known !== count) {
        throw new Error(`${known} inodes sleep below ${directory.number}, not ${count}`);
      }
    }
  }

  /** Those of the directory's last listing, or of an earlier one of which the kernel knows files still. */
  #rowsOf(directory: DirectoryInode, table: NameTable): Rows {
    const { asleep } = directory.children;
    if (asleep !== undefined && (asleep.table === table || asleep.count > 0)) return asleep;
    this.#dropRows(directory);
    return directory.children.asleep = new KnownRows(directory, table, this.#keeper);
  }

  /** None is known any more. Their numbers are kept as those of other forgotten inodes. */
  #dropRows({ children, number }: DirectoryInode): void {
    const rows = children.asleep;
    children.asleep = undefined;
    for (const { firstNumber, firstRow, lookups } of rows?.blocks() ?? []) {
      this.#blocks.delete(firstNumber / BLOCK_ROWS);
      if (rows!.table.rowCount > FORGOTTEN_MAX) continue;
      for (let at = 0; at < lookups.length; at++) {
        const isFree = lookups[at] === 0 && firstRow + at < rows!.table.rowCount;
        const key = isFree ? rows!.table.key(firstRow + at) : "/";
        if (!key.endsWith("/")) this.#keep(`${number}/${key}`, firstNumber + at as InodeNumber);
      }
    }
  }

  #wake(number: InodeNumber): FileInode | undefined {
    const block = this.#blockOf(number);
    return block?.rows.wakeRow(block.firstRow + number - block.firstNumber);
  }

  #blockOf(number: InodeNumber): RowBlock<DirectoryInode, FileInode> | undefined {
    return this.#blocks.get(Math.floor(number / BLOCK_ROWS));
  }

  #forgetRow(number: InodeNumber, count: number): void {
    const block = this.#blockOf(number);
    if (block === undefined) return;
    const { rows: { directory }, rows } = block;
    rows.forget(block.firstRow + number - block.firstNumber, count);
    // The table of a large directory is not kept for its numbers alone.
    if (rows.count === 0 && rows.table.rowCount > FORGOTTEN_MAX) this.#dropRows(directory);
    this.release(directory);
  }

  #add<T extends Inode>(inode: T): T {
    const siblings = inode.parent!.children;
    if (siblings.has(inode.name)) throw new Error(`"${inode.name}" is taken`);
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

  /** The number that the inode of this name had. */
  #forgottenNumber(place: string): InodeNumber | undefined {
    const known = this.#forgotten.get(place);
    this.#forgotten.delete(place);
    return known;
  }

  #next(): InodeNumber {
    return ++this.#last as InodeNumber;
  }
}
