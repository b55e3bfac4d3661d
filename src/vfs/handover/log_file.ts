/**
 * The bytes of a hand-over log: a file in memory that outlives the process because somebody else holds
 * its descriptor too. It is only appended to; a snapshot of everything is appended as well, and then the
 * start moves behind what it replaces, so that there is a whole log at every moment.
 */
import {
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  FdFile,
  openMemoryFile,
} from "../../ffi/fd_file.ts";

/** "CMHO", and the version of all that is in the log: another version's is not understood. */
const MAGIC = 0x4f484d43;
const VERSION = 1;
const HEAD_BYTES = 16;
const PAGE_BYTES = 4096;

export class LogFile {
  readonly #file: FdFile;
  #start: number;
  #end: number;

  private constructor(file: FdFile, start: number, end: number) {
    this.#file = file;
    this.#start = start;
    this.#end = end;
  }

  /** A new, empty log; undefined where the kernel makes no files in memory. */
  static create(): LogFile | undefined {
    const file = openMemoryFile("the hand-over log");
    if (file === undefined) return undefined;
    const log = new LogFile(file, HEAD_BYTES, HEAD_BYTES);
    log.#writeHead(HEAD_BYTES);
    return log;
  }

  /**
   * Takes over the descriptor of the log of an earlier process. Throws `TypeError` when it is none, or
   * one of another version.
   */
  static adopt(fd: number): LogFile {
    const file = new FdFile(fd, "the hand-over log");
    const head = new Uint8Array(HEAD_BYTES);
    const view = new DataView(head.buffer);
    const end = file.size();
    const isLog = file.pread(head, 0) === HEAD_BYTES && view.getUint32(0, true) === MAGIC &&
      view.getUint32(4, true) === VERSION;
    if (!isLog) {
      file.close();
      throw new TypeError("The hand-over log is of another version of this program");
    }
    return new LogFile(file, view.getFloat64(8, true), end);
  }

  get fd(): number {
    return this.#file.fd;
  }

  /** Bytes in it. */
  get length(): number {
    return this.#end - this.#start;
  }

  /** All that is in it. */
  read(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(this.length);
    return bytes.subarray(0, this.#file.pread(bytes, this.#start));
  }

  /** Throws `SystemError`. */
  append(bytes: Uint8Array<ArrayBuffer>): void {
    this.#file.pwrite(bytes, this.#end);
    this.#end += bytes.length;
  }

  /** What was appended behind the first `length` bytes takes their place. Throws `SystemError`. */
  dropFirst(length: number): void {
    const start = this.#start + length;
    this.#writeHead(start);
    this.#start = start;
    const free = Math.floor(start / PAGE_BYTES) * PAGE_BYTES;
    if (free > PAGE_BYTES) {
      const mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
      this.#file.allocate(mode, PAGE_BYTES, free - PAGE_BYTES);
    }
  }

  close(): void {
    this.#file.close();
  }

  #writeHead(start: number): void {
    const head = new Uint8Array(HEAD_BYTES);
    const view = new DataView(head.buffer);
    view.setUint32(0, MAGIC, true);
    view.setUint32(4, VERSION, true);
    view.setFloat64(8, start, true);
    this.#file.pwrite(head, 0);
  }
}
