/**
 * One connection that speaks HTTP/1.1: requests go out and answers come in one after the other.
 *
 * The next answer is waited for before there is a request: so the end of an idle connection is noticed
 * at once, and it is not used any more. What comes with an answer's head stays in the buffer; all
 * other bytes go from the socket straight into the reader's memory.
 */
import { HttpError } from "./http_error.ts";
import {
  type AnswerHead,
  asLatin1,
  endOfHead,
  HEAD_BYTES_MAX,
  looksLikeHttp,
  parseHead,
} from "./http1_head.ts";

const BUFFER_BYTES = 16 * 1024;
/** Of a line between chunks; extensions of chunks are nothing that S3 servers send. */
const LINE_BYTES_MAX = 4 * 1024;
const LF = 10;

/** What is needed of a connected socket. */
export type Socket =
  & Pick<Deno.Conn, "read" | "write" | "close">
  & Partial<Pick<Deno.Conn, "localAddr">>;

export class Http1Connection {
  readonly #socket: Socket;
  #buffer = new Uint8Array(BUFFER_BYTES);
  /** What came and was not taken yet is between them. */
  #start = 0;
  #end = 0;
  /** Resolves with true when something of the next answer came, with false at the end of the stream. */
  #next: Promise<boolean> | undefined;
  #writing: Promise<number> | undefined;
  #isClosed = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** The machine's own address that it was made from; undefined where there is none. */
  get localAddress(): string | undefined {
    const address = this.#socket.localAddr;
    return address !== undefined && "hostname" in address ? address.hostname : undefined;
  }

  /** Bytes that came and were not taken yet. */
  get buffered(): number {
    return this.#end - this.#start;
  }

  /**
   * Keeps an eye on the connection until `expect` is called: `onUnfit` tells that the server has ended
   * it, or has sent what nobody asked for. Nothing may be buffered.
   */
  watch(onUnfit: () => void): void {
    const next = this.#readMore();
    this.#next = next;
    const settled = () => {
      if (this.#next === next) onUnfit();
    };
    next.then(settled, settled);
  }

  /** Waits for the next answer; false when the stream ended instead. */
  expect(): Promise<boolean> {
    const next = this.#next ?? this.#readMore();
    this.#next = undefined;
    return next;
  }

  /** The head of the answer that `expect` has waited for. */
  async head(): Promise<AnswerHead> {
    for (let looked = 0;;) {
      const bytes = this.#buffer.subarray(this.#start, this.#end);
      const size = endOfHead(bytes, looked);
      if (size !== undefined) {
        const head = parseHead(bytes.subarray(0, size));
        this.#start += size;
        if (head.status >= 200) return head;
        looked = 0; // "100 Continue" and its like: the answer itself follows
        continue;
      }
      if (!looksLikeHttp(bytes)) throw new HttpError("protocol", "what answers is not HTTP");
      looked = bytes.byteLength;
      if (!await this.#readMore()) throw lost();
    }
  }

  /** A line between chunks, without its end. */
  async line(): Promise<string> {
    for (;;) {
      const bytes = this.#buffer.subarray(this.#start, this.#end);
      const size = bytes.indexOf(LF);
      if (size >= 0) {
        this.#start += size + 1;
        return asLatin1(bytes.subarray(0, size)).replace(/\r$/, "");
      }
      if (bytes.byteLength > LINE_BYTES_MAX) {
        throw new HttpError("protocol", "the answer's chunks cannot be understood");
      }
      if (!await this.#readMore()) throw lost();
    }
  }

  /** Reads what comes next into `target`, which is not empty; resolves with the count, 0 at the end. */
  async read(target: Uint8Array<ArrayBuffer>): Promise<number> {
    if (this.buffered === 0) return await this.#socket.read(target) ?? 0;
    const size = Math.min(this.buffered, target.byteLength);
    target.set(this.#buffer.subarray(this.#start, this.#start + size));
    this.#start += size;
    return size;
  }

  /** Leaves out up to `bytes` of what is buffered. */
  skip(bytes: number): void {
    this.#start = Math.min(this.#end, this.#start + bytes);
  }

  /** Writes some of `bytes`, at least one; resolves with the count. */
  async write(bytes: Uint8Array<ArrayBuffer>): Promise<number> {
    const writing = this.#socket.write(bytes);
    this.#writing = writing;
    try {
      return await writing;
    } finally {
      this.#writing = undefined;
    }
  }

  /** The write that is under way; closing the connection would not end it. */
  get writing(): Promise<unknown> | undefined {
    return this.#writing;
  }

  /** Whatever else is under way on it rejects. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#next = undefined;
    this.#socket.close();
  }

  async #readMore(): Promise<boolean> {
    if (this.#start > 0) {
      this.#buffer.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
    }
    if (this.#end === this.#buffer.byteLength) {
      if (this.#end >= HEAD_BYTES_MAX) {
        throw new HttpError("protocol", `the answer's head is longer than ${this.#end} bytes`);
      }
      const larger = new Uint8Array(2 * this.#end);
      larger.set(this.#buffer);
      this.#buffer = larger;
    }
    const count = await this.#socket.read(this.#buffer.subarray(this.#end));
    this.#end += count ?? 0;
    return count !== null;
  }
}

/** The connection ended where more was to come. */
export function lost(): HttpError {
  return new HttpError("broken", "the connection was closed before the answer was complete");
}
