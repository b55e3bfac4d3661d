/**
 * Reads a request's arguments in order. What is missing or malformed throws `FsError`: EIO for a
 * request that is too short, EILSEQ for a name that is not UTF-8, EINVAL for one that cannot be a
 * name, ENAMETOOLONG.
 */
import { FsError } from "../../vfs/file_system.ts";
import { readI64, readU64 } from "./numbers.ts";

/** The longest name, as elsewhere on Linux (NAME_MAX). */
export const NAME_BYTES_MAX = 255;

const SLASH = 0x2f;
const DOT = 0x2e;

// ignoreBOM keeps a leading U+FEFF, which is part of a name.
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class ArgumentReader {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView<ArrayBuffer>;
  readonly #end: number;
  #at: number;

  /** Over `bytes` and `view`, which show the same memory, from `start` to `end`. */
  constructor(
    bytes: Uint8Array<ArrayBuffer>,
    view: DataView<ArrayBuffer>,
    start: number,
    end: number,
  ) {
    this.#bytes = bytes;
    this.#view = view;
    this.#at = start;
    this.#end = end;
  }

  get remaining(): number {
    return this.#end - this.#at;
  }

  u32(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }

  u64(): number {
    return readU64(this.#view, this.#advance(8));
  }

  /** The next `u64`, left to be read; 0 when it is missing. */
  peekU64(): number {
    return this.remaining < 8 ? 0 : readU64(this.#view, this.#at);
  }

  i64(): number {
    return readI64(this.#view, this.#advance(8));
  }

  skip(count: number): void {
    this.#advance(count);
  }

  /** The next `count` bytes: a view of the request, good while the request's buffer is. */
  bytes(count: number): Uint8Array<ArrayBuffer> {
    const start = this.#advance(count);
    return this.#bytes.subarray(start, start + count);
  }

  /** A file's name. */
  name(): string {
    const raw = this.#untilNul();
    if (raw.length > NAME_BYTES_MAX) {
      throw new FsError("ENAMETOOLONG", `Cannot take a name of ${raw.length} bytes: at most 255`);
    }
    if (raw.length === 0 || raw.includes(SLASH) || isDots(raw)) {
      throw new FsError("EINVAL", `Cannot take ${JSON.stringify(lossy(raw))} as a file's name`);
    }
    return decode(raw);
  }

  /** Any text that ends with NUL: a symbolic link's target, an attribute's name. */
  text(): string {
    return decode(this.#untilNul());
  }

  #untilNul(): Uint8Array<ArrayBuffer> {
    const start = this.#at;
    const nul = this.#bytes.indexOf(0, start);
    if (nul < 0 || nul >= this.#end) {
      throw new FsError("EIO", "Cannot decode the request: a text lacks its final NUL");
    }
    this.#at = nul + 1;
    return this.#bytes.subarray(start, nul);
  }

  #advance(count: number): number {
    const at = this.#at;
    if (at + count > this.#end) {
      throw new FsError(
        "EIO",
        `Cannot decode the request: it ends ${at + count - this.#end} bytes too early`,
      );
    }
    this.#at = at + count;
    return at;
  }
}

function isDots(raw: Uint8Array): boolean {
  return raw[0] === DOT && (raw.length === 1 || (raw.length === 2 && raw[1] === DOT));
}

function decode(raw: Uint8Array<ArrayBuffer>): string {
  try {
    return utf8.decode(raw);
  } catch (cause) {
    throw new FsError("EILSEQ", `Cannot take ${JSON.stringify(lossy(raw))}: it is not UTF-8`, {
      cause,
    });
  }
}

function lossy(raw: Uint8Array): string {
  return new TextDecoder().decode(raw);
}
