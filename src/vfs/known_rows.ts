/**
 * Files of a directory that the kernel knows from a listing and that nobody has used yet: they are asleep.
 * A program that lists a million names makes the kernel know a million inodes; as objects they would take
 * half a gigabyte. Here they are rows of the listing's table, which has all that is to be told of them,
 * and a counter each; their numbers follow from the rows. An inode that is asked for wakes: its row is
 * taken from then on.
 */
import type { FileFacts, NameTable } from "../listings/name_table.ts";
import type { Sleepers } from "./children.ts";
import type { InodeNumber } from "./file_system.ts";

/** Rows that have consecutive numbers, from a multiple of this on. */
export const BLOCK_ROWS = 1024;

/** Instead of a count: the row's number is not ours any more. */
const TAKEN = 0xffff;

/** The rows from a multiple of `BLOCK_ROWS` on. */
export interface RowBlock<Directory, File> {
  readonly rows: KnownRows<Directory, File>;
  readonly firstRow: number;
  readonly firstNumber: number;
  /** How often the kernel was given each and has not forgotten it; or `TAKEN`. */
  readonly lookups: Uint16Array;
  /** So many rows have lookups. */
  known: number;
}

/** What the table of inodes does for its rows. */
export interface RowKeeper<Directory, File> {
  /** The first of `BLOCK_ROWS` numbers, a multiple of that, for a new block. */
  reserve(block: (firstNumber: number) => RowBlock<Directory, File>): RowBlock<Directory, File>;
  /** Makes the inode of a row, which is taken already. */
  wake(
    rows: KnownRows<Directory, File>,
    number: InodeNumber,
    name: string,
    lookups: number,
    file: FileFacts,
  ): File;
}

export class KnownRows<Directory, File> implements Sleepers<File> {
  readonly directory: Directory;
  /** Kept as long as one row is known, also when there are newer listings. */
  readonly table: NameTable;
  readonly #keeper: RowKeeper<Directory, File>;
  readonly #blocks: (RowBlock<Directory, File> | undefined)[] = [];
  #count = 0;

  constructor(directory: Directory, table: NameTable, keeper: RowKeeper<Directory, File>) {
    this.directory = directory;
    this.table = table;
    this.#keeper = keeper;
  }

  get count(): number {
    return this.#count;
  }

  /** Those that have numbers. */
  blocks(): RowBlock<Directory, File>[] {
    return this.#blocks.filter((block) => block !== undefined);
  }

  has(name: string): boolean {
    return this.#isKnown(this.table.find(name));
  }

  wake(name: string): File | undefined {
    return this.wakeRow(this.table.find(name));
  }

  /** As `wake`. */
  wakeRow(row: number): File | undefined {
    if (!this.#isKnown(row)) return undefined;
    const block = this.#blockOf(row)!;
    const lookups = block.lookups[row - block.firstRow]!;
    this.#set(block, row, TAKEN);
    const file = this.table.file(row)!;
    return this.#keeper.wake(this, numberIn(block, row), this.table.key(row), lookups, file);
  }

  /** The row with these bytes, whatever else is told of them; -1 when there is none. */
  rowOf(name: string, { etag, size }: FileFacts): number {
    const row = this.table.find(name);
    const file = row < 0 ? undefined : this.table.file(row);
    return file?.etag === etag && file.size === size ? row : -1;
  }

  /** Of a row that the kernel knows. */
  numberOf(row: number): InodeNumber | undefined {
    return this.#isKnown(row) ? numberIn(this.#blockOf(row)!, row) : undefined;
  }

  /** How often the kernel was given it. */
  lookupsOf(row: number): number {
    const block = this.#isKnown(row) ? this.#blockOf(row) : undefined;
    return block === undefined ? 0 : block.lookups[row - block.firstRow]!;
  }

  /** The number by name, which is in a row of a listing, perhaps of a later one. */
  numberAt(
    name: string,
    place: { readonly table: NameTable; readonly row: number } | undefined,
  ): InodeNumber | undefined {
    return this.numberOf(place?.table === this.table ? place.row : this.table.find(name));
  }

  /** Counts one lookup more; undefined when the row cannot be counted any more. */
  give(row: number): InodeNumber | undefined {
    const block = this.#blockOf(row) ?? this.#addBlock(Math.floor(row / BLOCK_ROWS));
    const lookups = block.lookups[row - block.firstRow]! + 1;
    if (lookups >= TAKEN) return undefined;
    this.#set(block, row, lookups);
    return numberIn(block, row);
  }

  /** The kernel drops `count` lookups. */
  forget(row: number, count: number): void {
    if (!this.#isKnown(row)) return;
    const block = this.#blockOf(row)!;
    this.#set(block, row, Math.max(0, block.lookups[row - block.firstRow]! - count));
  }

  /** The number of a name that the kernel may have known and does not know now; it is the caller's then. */
  take(name: string): InodeNumber | undefined {
    const row = this.table.find(name);
    const block = row < 0 ? undefined : this.#blockOf(row);
    if (block === undefined || block.lookups[row - block.firstRow] !== 0) return undefined;
    this.#set(block, row, TAKEN);
    return numberIn(block, row);
  }

  /** The kernel has forgotten an inode that was taken; false when it was not of that name. */
  giveBack(number: InodeNumber, name: string): boolean {
    const row = this.table.find(name);
    const block = row < 0 ? undefined : this.#blockOf(row);
    if (block === undefined || numberIn(block, row) !== number) return false;
    this.#set(block, row, 0);
    return true;
  }

  #isKnown(row: number): boolean {
    const block = row < 0 ? undefined : this.#blockOf(row);
    if (block === undefined) return false;
    const lookups = block.lookups[row - block.firstRow]!;
    return lookups > 0 && lookups < TAKEN;
  }

  #set(block: RowBlock<Directory, File>, row: number, lookups: number): void {
    const wasKnown = this.#isKnown(row);
    block.lookups[row - block.firstRow] = lookups;
    const change = Number(this.#isKnown(row)) - Number(wasKnown);
    block.known += change;
    this.#count += change;
  }

  #blockOf(row: number): RowBlock<Directory, File> | undefined {
    return this.#blocks[Math.floor(row / BLOCK_ROWS)];
  }

  #addBlock(index: number): RowBlock<Directory, File> {
    const firstRow = index * BLOCK_ROWS;
    // A small directory needs no more than it has names.
    const { isWhole, rowCount } = this.table;
    const length = isWhole ? Math.min(BLOCK_ROWS, rowCount - firstRow) : BLOCK_ROWS;
    return this.#blocks[index] = this.#keeper.reserve((firstNumber) => ({
      rows: this,
      firstRow,
      firstNumber,
      lookups: new Uint16Array(length),
      known: 0,
    }));
  }
}

function numberIn<Directory, File>(
  { firstRow, firstNumber }: RowBlock<Directory, File>,
  row: number,
): InodeNumber {
  return firstNumber + row - firstRow as InodeNumber;
}
