/** The body of an answer on an HTTP/1.1 connection, read into the caller's memory. */
import { giveWay } from "../base/clock.ts";
import { HttpError } from "./http_error.ts";
import type { HttpBody } from "./http_exchange.ts";
import type { Http1Exchange } from "./http1_exchange.ts";
import { lost } from "./http1_connection.ts";
import { type Framing, parseChunkSize } from "./http1_head.ts";
import { readWhole } from "./read_whole.ts";

/** While data come faster than they are read, reads are done at once, and nothing else would run. */
const PAUSE_BYTES = 256 * 1024;

export class Http1Body implements HttpBody {
  readonly #exchange: Http1Exchange;
  readonly #framing: Framing;
  /** Bytes until the end of the body or of the chunk; Infinity where only the connection's end tells. */
  #left: number;
  #received = 0;
  #sincePause = 0;
  #hasEnded = false;

  constructor(exchange: Http1Exchange, framing: Framing) {
    this.#exchange = exchange;
    this.#framing = framing;
    this.#left = framing === "chunked" ? 0 : framing === "close" ? Infinity : framing;
    if (framing === 0) this.#end();
  }

  get received(): number {
    return this.#received;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  async read(target: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
    const { failure } = this.#exchange;
    if (failure !== undefined) throw failure;
    let filled = 0;
    try {
      while (filled < target.byteLength && !this.#hasEnded) {
        filled += await this.#readSome(target.subarray(filled));
      }
    } catch (error) {
      throw this.#exchange.fail(error);
    }
    return target.subarray(0, filled);
  }

  readAll(maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
    const contentLength = typeof this.#framing === "number" ? this.#framing : undefined;
    return readWhole(this, contentLength, maxBytes);
  }

  cancel(): Promise<void> {
    if (!this.#hasEnded) {
      const { connection } = this.#exchange;
      if (typeof this.#framing === "number" && this.#left <= connection.buffered) {
        connection.skip(this.#left); // All of it is here: the connection can be used again.
        this.#end();
      }
      this.#exchange.fail(new HttpError("broken", "the body was cancelled"));
    }
    return Promise.resolve();
  }

  async #readSome(target: Uint8Array<ArrayBuffer>): Promise<number> {
    const exchange = this.#exchange;
    if (this.#left === 0) {
      exchange.expectData();
      await this.#nextChunk(this.#received === 0);
      exchange.gotData();
      return 0;
    }
    let size = Math.min(target.byteLength, this.#left);
    const { download } = exchange.terms;
    if (download !== undefined) size = await download.next(size, exchange.request.signal);
    exchange.expectData();
    const count = await exchange.connection.read(target.subarray(0, size));
    download?.giveBack(size - count);
    this.#sincePause += count;
    if (this.#sincePause >= PAUSE_BYTES) {
      this.#sincePause = 0;
      await giveWay();
    }
    exchange.gotData();
    this.#received += count;
    this.#left -= count;
    if (count === 0 && this.#framing !== "close") throw lost();
    if (count === 0 || (this.#left === 0 && this.#framing !== "chunked")) this.#end();
    return count;
  }

  async #nextChunk(isFirst: boolean): Promise<void> {
    const { connection } = this.#exchange;
    if (!isFirst && await connection.line() !== "") {
      throw new HttpError("protocol", "a chunk of the answer is longer than it said");
    }
    this.#left = parseChunkSize(await connection.line());
    if (this.#left > 0) return;
    while (await connection.line() !== ""); // trailers, and the line that ends them
    this.#end();
  }

  #end(): void {
    this.#hasEnded = true;
    this.#exchange.succeed(this.#framing !== "close");
  }
}
