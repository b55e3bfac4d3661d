import { KEEP_SIZE, type Outcome, PUNCH_HOLE, show, ZERO_RANGE } from "./operation.ts";

/** The bytes of one file of the reference. */
export class FileBytes {
  #buffer: Uint8Array<ArrayBuffer>;
  #size: number;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#buffer = bytes.slice();
    this.#size = bytes.length;
  }

  get size(): number {
    return this.#size;
  }

  /** A copy of what there is of the range. */
  read(at: number, size: number): Uint8Array<ArrayBuffer> {
    return this.#buffer.slice(Math.min(at, this.#size), Math.min(at + size, this.#size));
  }

  write(at: number, bytes: Uint8Array): void {
    this.#grow(at + bytes.length);
    this.#buffer.set(bytes, at);
  }

  truncate(size: number): void {
    if (size < this.#size) {
      // What comes back when the file grows again is zeros.
      this.#buffer.fill(0, size, this.#size);
      this.#size = size;
    } else {
      this.#grow(size);
    }
  }

  /** fallocate(2). */
  allocate(mode: number, at: number, size: number): void {
    if ((mode & KEEP_SIZE) === 0) this.#grow(at + size);
    if ((mode & (PUNCH_HOLE | ZERO_RANGE)) !== 0) {
      this.#buffer.fill(0, Math.min(at, this.#size), Math.min(at + size, this.#size));
    }
  }

  /**
   * Where holes are is the file system's choice: a hole only has to be zeros, and all bytes that are
   * not zero have to be data.
   */
  checkSeek(whence: "data" | "hole", at: number, outcome: Outcome): string | undefined {
    const rest = this.#buffer.subarray(Math.min(at, this.#size), this.#size);
    if ("error" in outcome) {
      if (outcome.error !== "ENXIO") return `failed with ${outcome.error}`;
      if (at >= this.#size) return undefined;
      const zeros = whence === "data" && rest.every((byte) => byte === 0);
      return zeros ? undefined : "is ENXIO, but there is something behind the offset";
    }
    const found = outcome.value;
    if (typeof found !== "number" || found < at || found > this.#size || at >= this.#size) {
      return `is ${show(outcome)}, for ${at} of ${this.#size} bytes`;
    }
    if (whence === "hole") {
      return found === this.#size || this.#buffer[found] === 0
        ? undefined
        : `is a hole at ${found}, which holds data`;
    }
    return this.#buffer.subarray(at, found).every((byte) => byte === 0)
      ? undefined
      : `is ${found}, but there is data before it`;
  }

  #grow(size: number): void {
    if (size <= this.#size) return;
    if (size > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(size, this.#buffer.length * 2));
      grown.set(this.#buffer.subarray(0, this.#size));
      this.#buffer = grown;
    }
    this.#size = size;
  }
}
