/**
 * Immutable runs of bytes in files with random names. Versions, parts of uploads and reads in progress
 * hold references by extents, so that copies and completed uploads share bytes instead of moving
 * them, and a read goes on after its object was overwritten. The last reference deletes the file.
 */
import { randomBytes } from "node:crypto";
import { removeIfPresent } from "./files.ts";
import type { Extent } from "./records.ts";

/** Files are read and written in pieces of this size: two per stream are in memory. */
const PIECE_BYTES = 512 * 1024;
/** Up to this size one synchronous read costs less than the detour through a stream. */
const READ_NOW_BYTES_MAX = 128 * 1024;

export class BlobStore {
  readonly #directory: string;
  readonly #references = new Map<string, number>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** A new blob; it is unreferenced, and deleted at the next start, until `finish` returned it. */
  create(): BlobWriter {
    const blob = randomBytes(16).toString("hex");
    return new BlobWriter(blob, `${this.#directory}/${blob}`, (extents) => this.retain(extents));
  }

  retain(extents: readonly Extent[]): void {
    for (const { blob } of extents) {
      this.#references.set(blob, (this.#references.get(blob) ?? 0) + 1);
    }
  }

  /** Gives references back that `retain` or `finish` took. */
  release(extents: readonly Extent[]): void {
    for (const { blob } of extents) {
      const left = (this.#references.get(blob) ?? 0) - 1;
      if (left > 0) {
        this.#references.set(blob, left);
      } else {
        this.#references.delete(blob);
        removeIfPresent(`${this.#directory}/${blob}`);
      }
    }
  }

  /** Deletes what writes and deletions left behind when a process ended; call once, after loading. */
  async collectGarbage(): Promise<void> {
    for await (const { name } of Deno.readDir(this.#directory)) {
      if (!this.#references.has(name)) removeIfPresent(`${this.#directory}/${name}`);
    }
  }

  /** The bytes from `start` to before `end`, small ones at once, others as a stream. */
  open(
    extents: readonly Extent[],
    start: number,
    end: number,
  ): Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>> {
    const slices = sliceExtents(extents, start, end);
    if (end - start > READ_NOW_BYTES_MAX || slices.length > 1) return this.stream(slices);
    return this.#readNow(slices, end - start);
  }

  /** All bytes of the extents; holds references from now until its end, its failure or its cancel. */
  stream(extents: readonly Extent[]): ReadableStream<Uint8Array<ArrayBuffer>> {
    this.retain(extents);
    // Once: a cancel during a pull ends both, and a reference given back twice deletes the blob.
    let release = () => {
      release = () => {};
      this.release(extents);
    };
    const pieces = this.#pieces(extents);
    return new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull: async (controller) => {
        try {
          const next = await pieces.next();
          if (next.done !== true) return controller.enqueue(next.value);
        } catch (error) {
          release();
          throw error;
        }
        release();
        controller.close();
      },
      cancel: async () => {
        try {
          await pieces.return();
        } finally {
          release();
        }
      },
    }, { highWaterMark: 0 });
  }

  async *#pieces(
    extents: readonly Extent[],
  ): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
    for (const { blob, offset, size } of extents) {
      using file = await Deno.open(`${this.#directory}/${blob}`);
      if (offset > 0) await file.seek(offset, Deno.SeekMode.Start);
      for (let left = size; left > 0;) {
        const piece = new Uint8Array(Math.min(PIECE_BYTES, left));
        const count = await file.read(piece);
        if (count === null) throw new Error(`Cannot read blob ${blob}: it ends too early`);
        left -= count;
        yield count === piece.length ? piece : piece.subarray(0, count);
      }
    }
  }

  #readNow(extents: readonly Extent[], size: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(size);
    let at = 0;
    for (const { blob, offset } of extents) {
      using file = Deno.openSync(`${this.#directory}/${blob}`);
      if (offset > 0) file.seekSync(offset, Deno.SeekMode.Start);
      while (at < size) {
        const count = file.readSync(bytes.subarray(at));
        if (count === null) throw new Error(`Cannot read blob ${blob}: it ends too early`);
        at += count;
      }
    }
    return bytes;
  }
}

/**
 * Writes one blob. The piece before is written by a thread of the runtime while the next is gathered
 * (and hashed by the caller).
 */
export class BlobWriter {
  readonly #blob: string;
  readonly #path: string;
  readonly #retain: (extents: readonly Extent[]) => void;
  #file: Deno.FsFile | undefined;
  #size = 0;
  #piece = new Uint8Array(0);
  #filled = 0;
  #pending: Promise<void> = Promise.resolve();

  constructor(blob: string, path: string, retain: (extents: readonly Extent[]) => void) {
    this.#blob = blob;
    this.#path = path;
    this.#retain = retain;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#size += bytes.length;
    for (let at = 0; at < bytes.length;) {
      if (this.#filled === this.#piece.length) await this.#startPiece();
      const count = Math.min(bytes.length - at, this.#piece.length - this.#filled);
      this.#piece.set(bytes.subarray(at, at + count), this.#filled);
      this.#filled += count;
      at += count;
    }
  }

  /** The extents that make up the blob, with one reference; none when nothing was written. */
  async finish(): Promise<readonly Extent[]> {
    if (this.#size === 0) return [];
    await this.#pending;
    if (this.#file === undefined) {
      Deno.writeFileSync(this.#path, this.#piece.subarray(0, this.#filled), { createNew: true });
    } else {
      await writeAll(this.#file, this.#piece.subarray(0, this.#filled));
      this.#file.close();
      this.#file = undefined;
    }
    const extents = [{ blob: this.#blob, offset: 0, size: this.#size }];
    this.#retain(extents);
    return extents;
  }

  /** Removes what was written; for when `finish` will not be called or failed. */
  async abandon(): Promise<void> {
    await this.#pending.catch(() => {});
    this.#file?.close();
    removeIfPresent(this.#path);
  }

  async #startPiece(): Promise<void> {
    const full = this.#piece.subarray(0, this.#filled);
    await this.#pending;
    if (full.length > 0) {
      this.#file ??= await Deno.open(this.#path, { write: true, createNew: true });
      this.#pending = writeAll(this.#file, full);
      // Reported by the next await of it; without this a failure in between would end the process.
      this.#pending.catch(() => {});
    }
    // The first piece is small, as most objects are.
    this.#piece = new Uint8Array(full.length === 0 ? PIECE_BYTES / 8 : PIECE_BYTES);
    this.#filled = 0;
  }
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
}

/** The extents of the bytes from `start` to before `end`. */
export function sliceExtents(extents: readonly Extent[], start: number, end: number): Extent[] {
  const slices: Extent[] = [];
  let at = 0;
  for (const extent of extents) {
    const from = Math.max(start, at);
    const to = Math.min(end, at + extent.size);
    if (from < to) {
      slices.push({ blob: extent.blob, offset: extent.offset + from - at, size: to - from });
    }
    at += extent.size;
  }
  return slices;
}
