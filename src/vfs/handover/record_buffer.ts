/** Records of the hand-over log, one behind the other: `u32` length of the rest, `u8` type, payload. */

/** Bytes of a record before its payload. */
export const RECORD_HEAD_BYTES = 5;
const FIRST_BYTES = 16 << 10;
/** Up to this length a loop costs less than the encoder's call. */
const SHORT_MAX = 64;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Collects records until they are written. Numbers are little endian; inodes and offsets are doubles. */
export class RecordBuffer {
  #bytes = new Uint8Array(FIRST_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #used = 0;
  #begun = 0;

  /** Bytes collected. */
  get length(): number {
    return this.#used;
  }

  /** What was collected; good until something is added. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#used);
  }

  clear(): void {
    this.#used = 0;
    // One large burst does not cost memory for ever.
    if (this.#bytes.length > 64 * FIRST_BYTES) {
      this.#bytes = new Uint8Array(FIRST_BYTES);
      this.#view = new DataView(this.#bytes.buffer);
    }
  }

  begin(type: number): this {
    this.#reserve(RECORD_HEAD_BYTES);
    this.#begun = this.#used;
    this.#bytes[this.#used + 4] = type;
    this.#used += RECORD_HEAD_BYTES;
    return this;
  }

  end(): void {
    this.#view.setUint32(this.#begun, this.#used - this.#begun - 4, true);
  }

  number(value: number): this {
    this.#reserve(8);
    this.#view.setFloat64(this.#used, value, true);
    this.#used += 8;
    return this;
  }

  text(value: string): this {
    this.#reserve(4 + 3 * value.length);
    const written = value.length <= SHORT_MAX && this.#ascii(value)
      ? value.length
      : encoder.encodeInto(value, this.#bytes.subarray(this.#used + 4)).written;
    this.#view.setUint32(this.#used, written, true);
    this.#used += 4 + written;
    return this;
  }

  /** Writes a text of ASCII; false when it is none. */
  #ascii(value: string): boolean {
    const start = this.#used + 4;
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (code > 0x7f) return false;
      this.#bytes[start + i] = code;
    }
    return true;
  }

  #reserve(more: number): void {
    const needed = this.#used + more;
    if (needed <= this.#bytes.length) return;
    const bytes = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    bytes.set(this.bytes);
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}

/** The fields of one record, in order. Throws `RangeError` beyond its end. */
export class RecordReader {
  readonly type: number;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  #at = 0;

  constructor(type: number, payload: Uint8Array<ArrayBuffer>) {
    this.type = type;
    this.#bytes = payload;
    this.#view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  }

  number(): number {
    const value = this.#view.getFloat64(this.#at, true);
    this.#at += 8;
    return value;
  }

  text(): string {
    const length = this.#view.getUint32(this.#at, true);
    const start = this.#at + 4;
    if (start + length > this.#bytes.length) throw new RangeError("A record is cut short");
    this.#at = start + length;
    return decoder.decode(this.#bytes.subarray(start, this.#at));
  }
}

/** The records in `bytes`; one that was not written to its end is none. */
export function* readRecords(bytes: Uint8Array<ArrayBuffer>): Generator<RecordReader> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  while (at + RECORD_HEAD_BYTES <= bytes.length) {
    const end = at + 4 + view.getUint32(at, true);
    if (end > bytes.length) return;
    yield new RecordReader(bytes[at + 4]!, bytes.subarray(at + RECORD_HEAD_BYTES, end));
    at = end;
  }
}
