/** As much of HTTP/1.1 as a proxy needs that forwards bytes unchanged: heads, and where bodies end. */

import { Buffer } from "node:buffer";

const HEAD_END = "\r\n\r\n";
const HEAD_BYTES_MAX = 64 * 1024;

/** Where bytes come from; undefined at the end. */
export type ReadBytes = () => Promise<Uint8Array | undefined>;

/** The first line and the headers of a message. */
export interface Head {
  /** All bytes up to and including the empty line. */
  readonly bytes: Uint8Array;
  /** The first line, split at its first two spaces. */
  readonly firstLine: readonly [string, string, string];
  header(name: string): string | undefined;
}

/** Reads messages out of a stream of bytes. */
export class MessageReader {
  readonly #readBytes: ReadBytes;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(readBytes: ReadBytes) {
    this.#readBytes = readBytes;
  }

  /** The next bytes, whatever they are; undefined at the end. */
  async read(): Promise<Uint8Array | undefined> {
    if (this.#rest.length === 0) return await this.#readBytes();
    const rest = this.#rest;
    this.#rest = new Uint8Array(0);
    return rest;
  }

  /** The next head; undefined when the stream ends before its first byte. */
  async readHead(): Promise<Head | undefined> {
    let bytes = await this.read();
    if (bytes === undefined) return undefined;
    let end = bytesOf(bytes).indexOf(HEAD_END);
    while (end < 0) {
      const next = await this.read();
      if (next === undefined || bytes.length > HEAD_BYTES_MAX) {
        throw new Error(`Cannot read an HTTP head: no end of it in ${bytes.length} bytes`);
      }
      bytes = Buffer.concat([bytes, next]);
      end = bytesOf(bytes).indexOf(HEAD_END);
    }
    const size = end + HEAD_END.length;
    this.#giveBack(bytes.subarray(size));
    return parseHead(bytes.subarray(0, size));
  }

  /** The body after a head, as it is on the wire, piece by piece; `size` Infinity reads to the end. */
  async *body(framing: Framing): AsyncGenerator<Uint8Array, void, void> {
    const ender = framing.chunked ? new ChunkedEnd() : new SizedEnd(framing.size);
    while (!ender.done) {
      const next = await this.read();
      if (next === undefined) {
        if (framing.size === Infinity && !framing.chunked) return;
        throw new Error("Cannot read an HTTP body: the connection ended inside it");
      }
      const size = ender.take(next);
      this.#giveBack(next.subarray(size));
      if (size > 0) yield next.subarray(0, size);
    }
  }

  #giveBack(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([bytes, this.#rest]);
  }
}

/** The same memory as a Buffer, for its fast search. */
function bytesOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function parseHead(bytes: Uint8Array): Head {
  const text = new TextDecoder("latin1").decode(bytes);
  const [first = "", ...lines] = text.split("\r\n");
  const [a = "", b = "", ...c] = first.split(" ");
  const headers = new Map(lines.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
  }));
  return { bytes, firstLine: [a, b, c.join(" ")], header: (name) => headers.get(name) };
}

/** How the end of a body is known (RFC 9112, section 6.3). */
export interface Framing {
  readonly chunked: boolean;
  readonly size: number;
}

export function requestFraming(head: Head): Framing {
  return { chunked: isChunked(head), size: Number(head.header("content-length") ?? 0) };
}

export function responseFraming(head: Head, requestMethod: string): Framing {
  const status = Number(head.firstLine[1]);
  const bodiless = requestMethod === "HEAD" || status === 204 || status === 304 || status < 200;
  if (bodiless) return { chunked: false, size: 0 };
  return { chunked: isChunked(head), size: Number(head.header("content-length") ?? Infinity) };
}

function isChunked(head: Head): boolean {
  return head.header("transfer-encoding")?.toLowerCase().endsWith("chunked") === true;
}

/** Ends after a number of bytes. */
class SizedEnd {
  #left: number;

  constructor(size: number) {
    this.#left = size;
  }

  get done(): boolean {
    return this.#left === 0;
  }

  /** How many of these bytes belong to the body. */
  take(bytes: Uint8Array): number {
    const size = Math.min(this.#left, bytes.length);
    this.#left -= size;
    return size;
  }
}

/** Ends after the empty line that follows the chunk of size 0 and its trailers. */
class ChunkedEnd {
  done = false;
  /** Bytes left of the current chunk, its line end included; 0 while reading a line. */
  #skip = 0;
  #line = "";
  #inTrailers = false;

  take(bytes: Uint8Array): number {
    let at = 0;
    while (at < bytes.length && !this.done) {
      if (this.#skip > 0) {
        const size = Math.min(this.#skip, bytes.length - at);
        this.#skip -= size;
        at += size;
        continue;
      }
      const character = String.fromCharCode(bytes[at++]!);
      if (character === "\n") this.#endLine();
      else if (character !== "\r") this.#line += character;
    }
    return at;
  }

  #endLine(): void {
    const line = this.#line;
    this.#line = "";
    if (this.#inTrailers) {
      this.done = line === "";
      return;
    }
    const size = parseInt(line, 16);
    if (Number.isNaN(size)) throw new Error(`Cannot read a chunked body: bad chunk size "${line}"`);
    if (size === 0) this.#inTrailers = true;
    else this.#skip = size + 2;
  }
}
