/**
 * The local truth of a file being changed: a sparse file that holds what was written, over a base
 * version of the object, of which only what is needed is ever fetched.
 *
 * Every byte of the file is in one of three states: present (in the local file), inherited (the base
 * has it, it was not fetched), or a hole (zeros: beyond the base, never written). Inherited are the
 * bytes below `#baseSize` that are not in `#present`.
 */
import { type ByteRange, RangeSet } from "../base/byte_range.ts";
import type { ObjectSource } from "../cache/object_source.ts";
import type { FdFile } from "../ffi/fd_file.ts";

/** Reads bytes of the base version. */
export type ReadBase = (
  source: ObjectSource,
  offset: number,
  size: number,
  signal: AbortSignal,
) => readonly Uint8Array[] | Promise<readonly Uint8Array[]>;

/** Inherited bytes are fetched in steps of this size. */
const FETCH_STEP = 4 * 2 ** 20;

export class StagingFile {
  readonly #file: FdFile;
  readonly #base: ObjectSource | undefined;
  readonly #present = new RangeSet();
  #baseSize: number;
  #size: number;
  #generation = 0;

  /** `file` is empty and is taken over. Without `base` the staged file begins empty. */
  constructor(file: FdFile, base: ObjectSource | undefined) {
    this.#file = file;
    this.#base = base;
    this.#baseSize = base?.size ?? 0;
    this.#size = this.#baseSize;
    if (this.#size > 0) file.truncate(this.#size);
  }

  get path(): string {
    return this.#file.path;
  }

  /** In bytes. */
  get size(): number {
    return this.#size;
  }

  /** Counts the changes of the content: equal numbers, equal bytes. */
  get generation(): number {
    return this.#generation;
  }

  /** Throws `SystemError`, ENOSPC for example; the bytes of `data` are then not part of the file. */
  write(data: Uint8Array<ArrayBuffer>, offset: number): void {
    this.#file.pwrite(data, offset);
    this.#present.add({ start: offset, end: offset + data.byteLength });
    this.#size = Math.max(this.#size, offset + data.byteLength);
    this.#generation++;
  }

  /** Cuts the file, or extends it by a hole. */
  truncate(size: number): void {
    if (size === this.#size) return;
    this.#file.truncate(size);
    if (size < this.#size) {
      this.#present.subtract({ start: size, end: this.#size });
      // What was cut off does not come back when the file grows again.
      this.#baseSize = Math.min(this.#baseSize, size);
    }
    this.#size = size;
    this.#generation++;
  }

  /** The bytes from `offset`, at most `size`, fewer only at the end of the file. */
  read(
    offset: number,
    size: number,
    readBase: ReadBase,
    signal: AbortSignal,
  ): Uint8Array[] | Promise<Uint8Array[]> {
    const range = { start: offset, end: Math.min(offset + size, this.#size) };
    if (range.start >= range.end) return [];
    const inherited = this.#inherited(range);
    if (inherited.length === 0) return [this.#readLocal(range)];
    return this.#readMixed(range, inherited, readBase, signal);
  }

  /** Makes every byte present that the base has: afterwards the local file is the whole content. */
  async fetchBase(readBase: ReadBase, signal: AbortSignal): Promise<void> {
    for (;;) {
      const [hole] = this.#inherited({ start: 0, end: this.#baseSize });
      if (hole === undefined) return;
      const size = Math.min(FETCH_STEP, hole.end - hole.start);
      const views = await readBase(this.#base!, hole.start, size, signal);
      let at = hole.start;
      for (const view of views) {
        // Copied: the view lies in cache memory, which is not this file's to hand on.
        this.#keepInherited(at, new Uint8Array(view));
        at += view.byteLength;
      }
      if (at === hole.start) throw new RangeError(`The base of ${this.path} ends at ${at}`);
    }
  }

  /** Fills `target` with present bytes (see `fetchBase`) from `offset`; returns how many there were. */
  readPresent(target: Uint8Array<ArrayBuffer>, offset: number): number {
    return this.#file.pread(target, offset);
  }

  /** Resolves when all that was written is on the device. */
  datasync(): Promise<void> {
    return this.#file.datasync();
  }

  close(): void {
    this.#file.close();
  }

  #inherited(range: ByteRange): ByteRange[] {
    return this.#present.holes({ start: range.start, end: Math.min(range.end, this.#baseSize) });
  }

  #readLocal(range: ByteRange): Uint8Array {
    const target = new Uint8Array(range.end - range.start);
    return target.subarray(0, this.#file.pread(target, range.start));
  }

  async #readMixed(
    range: ByteRange,
    inherited: readonly ByteRange[],
    readBase: ReadBase,
    signal: AbortSignal,
  ): Promise<Uint8Array[]> {
    const result = new Uint8Array(range.end - range.start);
    const generation = this.#generation;
    result.set(this.#readLocal(range));
    for (const hole of inherited) {
      let at = hole.start;
      for (const view of await readBase(this.#base!, at, hole.end - at, signal)) {
        result.set(view, at - range.start);
        at += view.byteLength;
      }
    }
    // Written to while the base was read: what was put together may be older than the write.
    if (this.#generation !== generation) {
      return this.read(range.start, range.end - range.start, readBase, signal);
    }
    return [result];
  }

  #keepInherited(offset: number, bytes: Uint8Array<ArrayBuffer>): void {
    for (const part of this.#inherited({ start: offset, end: offset + bytes.byteLength })) {
      this.#file.pwrite(bytes.subarray(part.start - offset, part.end - offset), part.start);
      this.#present.add(part);
    }
  }
}
