/**
 * The local truth of a file being changed: a sparse file that holds what was written, over a base
 * version of the object, of which only what is needed is ever fetched.
 *
 * Every byte of the file is in one of three states: present (in the local file), inherited (the base
 * has it, it was not fetched), or a hole (zeros: beyond the base, never written). Inherited are the
 * bytes below `#baseSize` that are not in `#present`. What is neither is zeros, here too.
 */
import { type ByteRange, RangeSet } from "../base/byte_range.ts";
import type { ObjectSource } from "../cache/object_source.ts";
import { SEEK_DATA, SEEK_HOLE } from "../ffi/fd_file.ts";
import type { LocalFile } from "./local_file.ts";
import type { ReadBase } from "./read_base.ts";
import type { StagedLayout } from "./staged_layout.ts";

/** Files up to this size are in memory, until they have to be on the disk by themselves. */
export const SMALL_BYTES_MAX = 64 * 2 ** 10;

/** Reading less takes no longer than asking another thread. */
const MUCH_BYTES_MIN = 2 ** 20;

/** Inherited bytes are fetched in steps of this size: what a part lacks comes by one request. */
const FETCH_STEP = 8 * 2 ** 20;
/** For each so many bytes it is known when they were changed last: the size of parts that go up. */
const BLOCK = 8 * 2 ** 20;
/** A change of more blocks is remembered as one of all that follow. */
const BLOCKS_MAX = 1024;

let lastState = 0;

export class StagingFile {
  readonly #file: LocalFile;
  readonly #present = new RangeSet();
  #base: ObjectSource | undefined;
  #baseSize: number;
  #size: number;
  readonly #firstGeneration = ++lastState;
  #generation = this.#firstGeneration;
  #state = this.#generation;
  /** The generation in which each block was changed last, if that was not the first one. */
  readonly #changes = new Map<number, number>();
  /** The same of all blocks from that one on. */
  #changesFrom = { block: Infinity, generation: 0 };
  /**
   * The local file is not cut below this: the journal promises that it has so many bytes, and a cut
   * that nobody acknowledged must not undo what was.
   */
  #promisedSize = 0;
  /** How far the local file reaches: behind `#size` it holds what is not part of the content any more. */
  #localSize = 0;

  /** `file` is empty and is taken over. Without `base` the staged file begins empty. */
  constructor(file: LocalFile, base: ObjectSource | undefined) {
    this.#file = file;
    this.#base = base;
    this.#baseSize = base?.size ?? 0;
    this.#size = this.#baseSize;
    if (this.#size > 0) this.#resizeLocal(this.#size);
  }

  /** A staging file of an earlier run; `file` has its bytes. */
  static restore(
    file: LocalFile,
    base: ObjectSource | undefined,
    layout: StagedLayout,
  ): StagingFile {
    const staged = new StagingFile(file, undefined);
    staged.#base = base;
    staged.#baseSize = layout.baseSize;
    staged.#size = layout.size;
    for (const range of layout.present) staged.#present.add(range);
    staged.#promisedSize = Math.max(layout.size, layout.promisedSize ?? 0);
    // What was written behind the end that the journal knows was never acknowledged.
    staged.#resizeLocal(staged.#promisedSize);
    const { baseSize: start, size: end } = layout;
    for (const hole of staged.#present.holes({ start, end })) staged.#punch(hole);
    return staged;
  }

  get path(): string {
    return this.#file.path;
  }

  /** True when there is a file at `path`; to be asked before `close`. */
  get isOnDisk(): boolean {
    return this.#file.isOnDisk;
  }

  /** In bytes. */
  get size(): number {
    return this.#size;
  }

  /** Changes with the content, and is different for all contents of all staging files. */
  get generation(): number {
    return this.#generation;
  }

  /** Changes with the content and with what of it is here. Grows. */
  get state(): number {
    return this.#state;
  }

  /** Where the inherited bytes are, if there are any. */
  get base(): ObjectSource | undefined {
    return this.#base;
  }

  /** True when no byte is inherited: the local file is the whole content. */
  get complete(): boolean {
    return this.#inherited({ start: 0, end: this.#baseSize }).length === 0;
  }

  /** The parts that are as in the base. */
  inherited(): ByteRange[] {
    return this.#inherited({ start: 0, end: this.#baseSize });
  }

  /** True when all of `range` is present. */
  has(range: ByteRange): boolean {
    return range.end <= this.#size && this.#present.contains(range);
  }

  /** False when a byte of `range` may be another one than in that generation. */
  isUnchanged(range: ByteRange, generation: number): boolean {
    if (generation < this.#firstGeneration) return false;
    const { block, generation: last } = this.#changesFrom;
    const end = Math.ceil(range.end / BLOCK);
    if (block < end && last > generation) return false;
    for (let at = Math.floor(range.start / BLOCK); at < end; at++) {
      if ((this.#changes.get(at) ?? 0) > generation) return false;
    }
    return true;
  }

  layout(): StagedLayout {
    return { size: this.#size, baseSize: this.#baseSize, present: this.#present.ranges() };
  }

  /** The journal is about to promise `layout`: from now on the local file keeps that size at least. */
  promise(layout: StagedLayout): void {
    this.#promisedSize = Math.max(this.#promisedSize, layout.size);
  }

  /** The journal promises this and nothing more. */
  promiseOnly(layout: StagedLayout): void {
    this.#promisedSize = layout.size;
  }

  /** Throws `SystemError`, ENOSPC for example; the bytes of `data` are then not part of the file. */
  write(data: Uint8Array<ArrayBuffer>, offset: number): void {
    const range = { start: offset, end: offset + data.byteLength };
    if (range.end > SMALL_BYTES_MAX) this.toDisk();
    this.#clearTo(range.end);
    try {
      this.#file.pwrite(data, offset);
    } catch (error) {
      // A part may have been written: where the file has a hole, it must go on reading as zeros.
      for (const hole of this.#present.holes(range)) this.#punch(hole);
      this.#note(range, ++lastState);
      throw error;
    }
    this.#present.add(range);
    this.#size = Math.max(this.#size, range.end);
    this.#localSize = Math.max(this.#localSize, range.end);
    this.#changed(range);
  }

  /** Cuts the file, or extends it by a hole. */
  truncate(size: number): void {
    if (size === this.#size) return;
    if (size > SMALL_BYTES_MAX) this.toDisk();
    if (size < this.#size) {
      this.#present.subtract({ start: size, end: this.#size });
      // What was cut off does not come back when the file grows again.
      this.#baseSize = Math.min(this.#baseSize, size);
    } else {
      this.#clearTo(size);
    }
    this.#resizeLocal(Math.max(size, this.#promisedSize));
    const range = { start: Math.min(size, this.#size), end: Math.max(size, this.#size) };
    this.#size = size;
    this.#changed(range);
  }

  /** Makes a range, up to the end of the file at most, read as zeros and take no room. */
  punchHole(offset: number, length: number): void {
    const range = { start: offset, end: Math.min(offset + length, this.#size) };
    if (range.start >= range.end) return;
    this.#punch(range);
    this.#present.add(range);
    this.#changed(range);
  }

  /** Reserves room on the disk for a range; throws `SystemError` ENOSPC. The content stays. */
  reserve(offset: number, length: number): void {
    this.#file.reserve(offset, length);
  }

  /** The first byte of data at or behind `offset`; undefined when there is none. */
  seekData(offset: number): number | undefined {
    const [inherited] = this.#inherited({ start: offset, end: this.#baseSize });
    const local = this.#file.seek(offset, SEEK_DATA);
    const found = Math.min(inherited?.start ?? Infinity, local ?? Infinity);
    return found < this.#size ? found : undefined;
  }

  /** The first byte of a hole at or behind `offset`; the end of the file counts as one. */
  seekHole(offset: number): number {
    let at = offset;
    while (at < this.#size) {
      const [inherited] = this.#inherited({ start: at, end: this.#baseSize });
      if (inherited?.start === at) {
        at = inherited.end;
        continue;
      }
      const hole = this.#file.seek(at, SEEK_HOLE) ?? this.#size;
      if (hole === at) return at;
      at = hole;
    }
    return this.#size;
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

  /** Makes every byte of `range` (default: of the file) present that is the base's. */
  async fetchBase(
    readBase: ReadBase,
    signal: AbortSignal,
    range: ByteRange = { start: 0, end: this.#baseSize },
  ): Promise<void> {
    for (;;) {
      const [hole] = this.#inherited(range);
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

  /**
   * The inherited bytes are had from `base` from now on: an object with the content that this file had
   * when it was uploaded. A byte not written since is at the same place in it.
   */
  rebase(base: ObjectSource): void {
    this.#base = base;
  }

  /** Fills `target` with bytes that are not inherited (see `fetchBase`); returns how many there were. */
  readPresent(target: Uint8Array<ArrayBuffer>, offset: number): number {
    const size = Math.max(0, Math.min(target.byteLength, this.#size - offset));
    return this.#file.pread(size === target.byteLength ? target : target.subarray(0, size), offset);
  }

  /**
   * As `readPresent`, of much on another thread. What is written meanwhile may be in it or not: see
   * `isUnchanged`.
   */
  async readMuch(target: Uint8Array<ArrayBuffer>, offset: number): Promise<number> {
    if (target.byteLength < MUCH_BYTES_MIN) return this.readPresent(target, offset);
    const got = await this.#file.preadElsewhere(target, offset);
    const isWhole = got === target.byteLength && offset + got <= this.#size;
    // Less tells no reason; and it may have been cut meanwhile.
    return isWhole ? got : this.readPresent(target, offset);
  }

  /** Resolves when all that was written is on the device. */
  datasync(): Promise<void> {
    return this.#file.datasync();
  }

  /** Sees to it that there is a file at `path`. Throws `SystemError`. */
  toDisk(): void {
    this.#file.toDisk();
  }

  close(): void {
    this.#file.close();
  }

  #changed(range: ByteRange): void {
    this.#generation = ++lastState;
    this.#state = this.#generation;
    this.#note(range, this.#generation);
  }

  /** For `isUnchanged`. */
  #note({ start, end }: ByteRange, generation: number): void {
    const first = Math.floor(start / BLOCK);
    const last = Math.ceil(end / BLOCK) - 1;
    if (last - first < BLOCKS_MAX) {
      for (let at = first; at <= last; at++) this.#changes.set(at, generation);
    } else this.#changesFrom = { block: Math.min(first, this.#changesFrom.block), generation };
  }

  #inherited(range: ByteRange): ByteRange[] {
    return this.#present.holes({ start: range.start, end: Math.min(range.end, this.#baseSize) });
  }

  /** To be called before the file grows: what the local file keeps behind its end is not part of it. */
  #clearTo(size: number): void {
    this.#punch({ start: this.#size, end: Math.min(size, this.#localSize) });
  }

  #resizeLocal(size: number): void {
    this.#file.truncate(size);
    this.#localSize = size;
  }

  #punch({ start, end }: ByteRange): void {
    if (start >= end) return;
    this.#file.punch(start, end - start);
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
      this.#state = ++lastState;
    }
  }
}
