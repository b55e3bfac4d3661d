/**
 * All files of a mount that are asleep (known_rows.ts), by number: which block of rows has which numbers,
 * which listing a directory's rows are of, and when that may go.
 */
import type { FileFacts, NameTable } from "../listings/name_table.ts";
import type { InodeNumber } from "./file_system.ts";
import type { DirectoryInode, FileInode } from "./inode.ts";
import { BLOCK_ROWS, KnownRows, type RowBlock, type RowKeeper } from "./known_rows.ts";

/** The numbers of a larger directory are not kept when the kernel has forgotten all of it. */
const KEPT_ROWS_MAX = 50_000;

type Block = RowBlock<DirectoryInode, FileInode>;

/** A file that is asleep. */
export interface AsleepFile {
  readonly directory: DirectoryInode;
  readonly name: string;
  readonly file: FileFacts;
}

/** What the table of inodes does for them. */
export interface AsleepHost {
  /** The first of `BLOCK_ROWS` numbers that nobody has, a multiple of that. */
  reserve(): number;
  /** Makes the inode of a file that wakes. */
  wake(number: InodeNumber, lookups: number, file: AsleepFile): FileInode;
  /** A name had the number, and the kernel does not know it now. */
  forgotten(directory: DirectoryInode, name: string, number: InodeNumber): void;
}

export class AsleepFiles {
  readonly #host: AsleepHost;
  /** By their first number / BLOCK_ROWS. */
  readonly #blocks = new Map<number, Block>();
  readonly #keeper: RowKeeper<DirectoryInode, FileInode> = {
    reserve: (make) => {
      const firstNumber = this.#host.reserve();
      const block = make(firstNumber);
      this.#blocks.set(firstNumber / BLOCK_ROWS, block);
      return block;
    },
    wake: ({ directory }, number, name, lookups, file) =>
      this.#host.wake(number, lookups, { directory, name, file }),
  };

  constructor(host: AsleepHost) {
    this.#host = host;
  }

  /** How many they are. */
  get size(): number {
    let size = 0;
    for (const { known } of this.#blocks.values()) size += known;
    return size;
  }

  /** The rows of the directory's last listing, or of an earlier one of which the kernel knows files still. */
  rowsOf(directory: DirectoryInode, table: NameTable): KnownRows<DirectoryInode, FileInode> {
    const { asleep } = directory.children;
    if (asleep !== undefined && (asleep.table === table || asleep.count > 0)) return asleep;
    this.drop(directory);
    return directory.children.asleep = new KnownRows(directory, table, this.#keeper);
  }

  /** To be called when none is asleep in the directory any more. */
  drop(directory: DirectoryInode): void {
    const rows = directory.children.asleep;
    directory.children.asleep = undefined;
    for (const { firstNumber, firstRow, lookups } of rows?.blocks() ?? []) {
      this.#blocks.delete(firstNumber / BLOCK_ROWS);
      const { table } = rows!;
      if (table.rowCount > KEPT_ROWS_MAX) continue;
      for (let at = 0; at < lookups.length && firstRow + at < table.rowCount; at++) {
        if (lookups[at] !== 0 || table.isDirectory(firstRow + at)) continue;
        const number = firstNumber + at as InodeNumber;
        this.#host.forgotten(directory, table.key(firstRow + at), number);
      }
    }
  }

  /** Undefined for a number that is not of one of them. */
  wake(number: InodeNumber): FileInode | undefined {
    const block = this.#blockOf(number);
    return block?.rows.wakeRow(rowOf(block, number));
  }

  /** As `wake`, but it sleeps on. */
  get(number: InodeNumber): AsleepFile | undefined {
    const block = this.#blockOf(number);
    if (block?.rows.numberOf(rowOf(block, number)) === undefined) return undefined;
    const { directory, table } = block.rows;
    const row = rowOf(block, number);
    return { directory, name: table.key(row), file: table.file(row)! };
  }

  /** All of them: number, what they are, and how often the kernel was given each. */
  *entries(): IterableIterator<[InodeNumber, AsleepFile, number]> {
    for (const block of this.#blocks.values()) {
      for (let at = 0; at < block.lookups.length && block.known > 0; at++) {
        const number = block.firstNumber + at as InodeNumber;
        const file = this.get(number);
        if (file !== undefined) yield [number, file, block.lookups[at]!];
      }
    }
  }

  /** The kernel drops `count` lookups. Returns the directory, which may have to go. */
  forget(number: InodeNumber, count: number): DirectoryInode | undefined {
    const block = this.#blockOf(number);
    if (block === undefined) return undefined;
    const { rows, rows: { directory } } = block;
    rows.forget(rowOf(block, number), count);
    // The table of a large directory is not kept for its numbers alone.
    if (rows.count === 0 && rows.table.rowCount > KEPT_ROWS_MAX) this.drop(directory);
    return directory;
  }

  /** Throws when a block is not that of a directory for which `isThere` holds. For tests. */
  checkInvariants(isThere: (directory: DirectoryInode) => boolean): void {
    for (const { rows, firstNumber } of this.#blocks.values()) {
      const { directory, count } = rows;
      if (directory.children.asleep !== rows || !isThere(directory)) {
        throw new Error(`The inodes from ${firstNumber} on have no directory`);
      }
      const known = rows.blocks().reduce((sum, block) => sum + block.known, 0);
      if (known !== count) {
        throw new Error(`${known} inodes sleep below ${directory.number}, not ${count}`);
      }
    }
  }

  #blockOf(number: InodeNumber): Block | undefined {
    return this.#blocks.get(Math.floor(number / BLOCK_ROWS));
  }
}

function rowOf({ firstRow, firstNumber }: Block, number: InodeNumber): number {
  return firstRow + number - firstNumber;
}
