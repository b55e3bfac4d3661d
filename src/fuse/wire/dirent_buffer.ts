/**
 * Packs the entries of READDIR and READDIRPLUS. Source: `fuse_dirent`, `fuse_direntplus` of
 * linux/fuse.h: each entry is padded to 8 bytes.
 */
import type { Dirent, InodeNumber } from "../../vfs/file_system.ts";
import type { WireLayout } from "./layout.ts";
import { writeI64 } from "./numbers.ts";
import { entryBytes, writeEntry } from "./replies.ts";

const DIRENT_HEAD_BYTES = 24;
/** readdir(3) types are the type bits of the mode, moved down. */
const TYPE_SHIFT = 12;

const encoder = new TextEncoder();

export class DirentBuffer {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView<ArrayBuffer>;
  readonly #plus: WireLayout | undefined;
  readonly #counted: InodeNumber[] = [];
  #used = 0;

  /** Room for `capacity` bytes of entries; with their attributes in layout `plus` when it is given. */
  constructor(capacity: number, plus?: WireLayout) {
    const buffer = new ArrayBuffer(capacity);
    this.#bytes = new Uint8Array(buffer);
    this.#view = new DataView(buffer);
    this.#plus = plus;
  }

  /** Appends an entry; false, and nothing may follow it, when it does not fit. */
  add(dirent: Dirent): boolean {
    const plusBytes = this.#plus === undefined ? 0 : entryBytes(this.#plus);
    const head = this.#used + plusBytes;
    const nameAt = head + DIRENT_HEAD_BYTES;
    if (nameAt >= this.#bytes.length) return false;
    const { read, written } = encoder.encodeInto(dirent.name, this.#bytes.subarray(nameAt));
    const end = align8(nameAt + written);
    if (read < dirent.name.length || end > this.#bytes.length) return false;
    writeI64(this.#view, head, dirent.ino);
    writeI64(this.#view, head + 8, dirent.cookie);
    this.#view.setUint32(head + 16, written, true);
    this.#view.setUint32(head + 20, dirent.type >>> TYPE_SHIFT, true);
    if (this.#plus !== undefined) this.#addEntry(dirent, this.#plus);
    this.#used = end;
    return true;
  }

  /** What was packed. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#used);
  }

  /** The inodes of which a lookup was counted. */
  get counted(): readonly InodeNumber[] {
    return this.#counted;
  }

  #addEntry(dirent: Dirent, layout: WireLayout): void {
    const entry = dirent.entry?.();
    // Left zero, which says "no attributes here", as for "." and "..".
    if (entry === undefined || entry.ino === 0) return;
    writeEntry(this.#view, this.#used, entry, layout);
    this.#counted.push(entry.ino);
  }
}

function align8(value: number): number {
  return Math.ceil(value / 8) * 8;
}
