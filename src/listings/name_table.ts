/**
 * What LISTs have told of a directory, in the order of keys. A million names as objects in a map are a
 * quarter of a gigabyte and seconds of garbage collection; here they are a few columns per page: 80
 * bytes a name. Rows are only ever added at the end, so a row's number stays what it is.
 *
 * Files have their names as keys, directories theirs with a "/": so they are listed, so they sort.
 */
import { codeUnitRank, compareKeys } from "../s3/key_encoding.ts";

/** What a LIST tells of a file. */
export interface FileFacts {
  /** In bytes. */
  readonly size: number;
  readonly etag: string;
  readonly lastModifiedMs: number;
  readonly storageClass?: string;
}

/** A row to be added; a directory without `file`. */
export interface NameRow {
  /** The name; of a directory with its "/". */
  readonly key: string;
  readonly file?: FileFacts;
}

/** The rows of one page. */
interface Chunk {
  readonly firstRow: number;
  readonly keys: Texts;
  readonly etags: Texts;
  readonly sizes: Float64Array;
  readonly lastModifiedMs: Float64Array;
  /** One for all rows, or one for each. */
  readonly storageClass: string | undefined | readonly (string | undefined)[];
}

export class NameTable {
  readonly #chunks: Chunk[] = [];
  #rowCount = 0;
  #lastKey: string | undefined;
  /** Rows of files of which there is a directory of the same name. */
  readonly #hidden = new Set<number>();
  #directoryCount = 0;
  /** Their names, once they were asked for. */
  #directories: readonly string[] | undefined;
  /** Storage classes are few: each text is kept once. */
  readonly #storageClasses = new Map<string, string>();

  /** No row will be added any more: every name is known. */
  isWhole = false;

  get rowCount(): number {
    return this.#rowCount;
  }

  /** How many of them are directories. */
  get directoryCount(): number {
    return this.#directoryCount;
  }

  /** The greatest key. */
  get lastKey(): string | undefined {
    return this.#lastKey;
  }

  /**
   * Adds rows, which must be in order and behind all that are here. Returns the names of files that
   * are hidden from now on, as there are directories of the same names.
   */
  append(rows: readonly NameRow[]): string[] {
    const last = rows.at(-1);
    if (last === undefined) return [];
    this.#chunks.push({
      firstRow: this.#rowCount,
      keys: new Texts(rows.map((row) => row.key)),
      etags: new Texts(rows.map((row) => row.file?.etag ?? "")),
      sizes: Float64Array.from(rows, (row) => row.file?.size ?? 0),
      lastModifiedMs: Float64Array.from(rows, (row) => row.file?.lastModifiedMs ?? 0),
      storageClass: this.#storageClassesOf(rows),
    });
    this.#rowCount += rows.length;
    this.#lastKey = this.key(this.#rowCount - 1);
    this.#directories = undefined;
    const hidden: string[] = [];
    for (const { key, file } of rows) {
      if (file !== undefined) continue;
      this.#directoryCount++;
      const row = this.find(key.slice(0, -1));
      if (row < 0) continue;
      this.#hidden.add(row);
      hidden.push(key.slice(0, -1));
    }
    return hidden;
  }

  /** The key in a row: the name, of a directory with its "/". */
  key(row: number): string {
    const chunk = this.#chunkOf(row);
    return chunk.keys.at(row - chunk.firstRow);
  }

  /** The name in a row; undefined when the row is hidden. */
  shownName(row: number): string | undefined {
    if (this.#hidden.has(row)) return undefined;
    const key = this.key(row);
    return key.endsWith("/") ? key.slice(0, -1) : key;
  }

  isDirectory(row: number): boolean {
    const chunk = this.#chunkOf(row);
    return chunk.keys.endsWith(row - chunk.firstRow, SLASH);
  }

  /** What is known of the file in a row; undefined for a directory. */
  file(row: number): FileFacts & { readonly kind: "file" } | undefined {
    const chunk = this.#chunkOf(row);
    const at = row - chunk.firstRow;
    if (chunk.keys.endsWith(at, SLASH)) return undefined;
    const { storageClass } = chunk;
    const own = typeof storageClass === "object" ? storageClass[at] : storageClass;
    const size = chunk.sizes[at]!;
    const etag = chunk.etags.at(at);
    const lastModifiedMs = chunk.lastModifiedMs[at]!;
    return own === undefined
      ? { kind: "file", size, etag, lastModifiedMs }
      : { kind: "file", size, etag, lastModifiedMs, storageClass: own };
  }

  /** The row of a key; -1 when there is none. */
  find(key: string): number {
    const chunk = this.#chunks[this.#lastChunk((c) => c.keys.compare(0, key) <= 0)];
    if (chunk === undefined) return -1;
    let low = 0;
    let high = chunk.keys.length - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const order = chunk.keys.compare(middle, key);
      if (order === 0) return chunk.firstRow + middle;
      if (order < 0) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  /** The row that stands for a name: the directory's where there is a file too. -1: there is none. */
  findShown(name: string): number {
    const row = this.#directoryCount > 0 ? this.find(`${name}/`) : -1;
    return row >= 0 ? row : this.find(name);
  }

  has(name: string): boolean {
    return this.#rowCount > 0 && this.findShown(name) >= 0;
  }

  /** The names of all directories, in order. */
  directories(): readonly string[] {
    if (this.#directoryCount === 0) return [];
    return this.#directories ??= this.#chunks.flatMap(({ keys }) =>
      keys.endingWith(SLASH).map((key) => key.slice(0, -1))
    );
  }

  #chunkOf(row: number): Chunk {
    // Rows are asked for one after another mostly; pages have as many rows as each other mostly.
    const guess = Math.floor(row / (this.#chunks[0]?.keys.length ?? 1));
    const chunk = this.#chunks[guess];
    if (chunk !== undefined && row >= chunk.firstRow && row - chunk.firstRow < chunk.keys.length) {
      return chunk;
    }
    return this.#chunks[this.#lastChunk((c) => c.firstRow <= row)]!;
  }

  /** The last chunk for which `holds`, as it does for all before it; -1 for none. */
  #lastChunk(holds: (chunk: Chunk) => boolean): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (holds(this.#chunks[middle]!)) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  #storageClassesOf(rows: readonly NameRow[]): Chunk["storageClass"] {
    const all = rows.map(({ file }) => {
      if (file?.storageClass === undefined) return undefined;
      const known = this.#storageClasses.get(file.storageClass);
      if (known === undefined) this.#storageClasses.set(file.storageClass, file.storageClass);
      return known ?? file.storageClass;
    });
    const files = rows.flatMap(({ file }, row) => file === undefined ? [] : [all[row]]);
    return files.every((one) => one === files[0]) ? files[0] : all;
  }
}

const SLASH = "/".charCodeAt(0);

/** Many short texts in one, which costs no object for each. */
class Texts {
  /** Made by `join`, it is a copy: parts of it do not keep the page alive that they were read from. */
  readonly #all: string;
  readonly #ends: Uint32Array;

  constructor(texts: readonly string[]) {
    this.#all = texts.join("");
    this.#ends = new Uint32Array(texts.length);
    let end = 0;
    for (let i = 0; i < texts.length; i++) this.#ends[i] = end += texts[i]!.length;
  }

  get length(): number {
    return this.#ends.length;
  }

  at(index: number): string {
    return this.#all.slice(this.#begin(index), this.#ends[index]);
  }

  /** `compareKeys` of a text with `key`. */
  compare(index: number, key: string): number {
    const begin = this.#begin(index);
    const length = this.#ends[index]! - begin;
    const size = Math.min(length, key.length);
    for (let i = 0; i < size; i++) {
      const x = this.#all.charCodeAt(begin + i);
      const y = key.charCodeAt(i);
      if (x !== y) return codeUnitRank(x) - codeUnitRank(y);
    }
    return length - key.length;
  }

  endsWith(index: number, unit: number): boolean {
    const end = this.#ends[index]!;
    return end > this.#begin(index) && this.#all.charCodeAt(end - 1) === unit;
  }

  /** All texts that end with a UTF-16 unit. */
  endingWith(unit: number): string[] {
    const found: string[] = [];
    for (let i = 0; i < this.#ends.length; i++) if (this.endsWith(i, unit)) found.push(this.at(i));
    return found;
  }

  #begin(index: number): number {
    return index === 0 ? 0 : this.#ends[index - 1]!;
  }
}

/** True when the keys of `rows` ascend, and all are behind `after`. */
export function isInOrder(rows: readonly NameRow[], after: string | undefined): boolean {
  let last = after;
  for (const { key } of rows) {
    if (last !== undefined && compareKeys(last, key) >= 0) return false;
    last = key;
  }
  return true;
}
