/**
 * The heads of HTTP/1.1 messages. Source: RFC 9112. An answer that is ambiguous is refused, never
 * guessed: what follows it on the connection could be taken for something else.
 */
import { Buffer } from "node:buffer";
import { HttpError } from "./http_error.ts";
import type { HttpHeaders, HttpRequest } from "./http_exchange.ts";

/** More than any S3 server sends: its metadata are 2 KiB at most. */
export const HEAD_BYTES_MAX = 64 * 1024;

/** A token (RFC 9110, section 5.6.2) in lower case. */
const NAME = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

const CR = 13;
const LF = 10;

export class Http1Headers implements HttpHeaders {
  readonly #values = new Map<string, string>();

  get(name: string): string | null {
    return this.#values.get(name) ?? null;
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  [Symbol.iterator](): MapIterator<[string, string]> {
    return this.#values[Symbol.iterator]();
  }

  /** Called by the parser, with a name in lower case. */
  _add(name: string, value: string): void {
    const before = this.#values.get(name);
    this.#values.set(name, before === undefined ? value : `${before}, ${value}`);
  }
}

export interface AnswerHead {
  readonly status: number;
  readonly headers: HttpHeaders;
  /** The server will take another request on this connection. */
  readonly keepsOpen: boolean;
}

/** Where the answer's body ends: after so many bytes, after the last chunk, or with the connection. */
export type Framing = number | "chunked" | "close";

/**
 * The offset after the blank line that ends the head, or undefined when it is not there yet. `from` is
 * how much was looked at before.
 */
export function endOfHead(bytes: Uint8Array, from: number): number | undefined {
  for (let i = Math.max(0, from - 3);; i++) {
    i = bytes.indexOf(CR, i);
    if (i < 0 || i + 3 >= bytes.byteLength) return undefined;
    if (bytes[i + 1] === LF && bytes[i + 2] === CR && bytes[i + 3] === LF) return i + 4;
  }
}

/** True as long as `bytes` can be the beginning of an answer in HTTP/1. */
export function looksLikeHttp(bytes: Uint8Array<ArrayBuffer>): boolean {
  return "HTTP/1.".startsWith(asLatin1(bytes.subarray(0, 7)));
}

/** Parses a head with the blank line that ends it; throws an `HttpError` of kind "protocol". */
export function parseHead(bytes: Uint8Array<ArrayBuffer>): AnswerHead {
  const lines = asLatin1(bytes.subarray(0, -4)).split("\r\n");
  const first = lines.shift()!;
  const match = /^HTTP\/1\.([01]) (\d{3})(?: |$)/.exec(first);
  if (match === null) throw wrong(`it begins with "${first.slice(0, 40)}"`);
  const headers = new Http1Headers();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(0, colon)).toLowerCase();
    // White space in a name, and lines that go on with the one before, have been used for smuggling.
    if (!NAME.test(name)) throw wrong(`the header "${line.slice(0, 40)}"`);
    headers._add(name, line.slice(colon + 1).trim());
  }
  const keepsOpen = match[1] === "1" && !/\bclose\b/i.test(headers.get("connection") ?? "");
  return { status: Number(match[2]), headers, keepsOpen };
}

/** How the body after `head` is framed (RFC 9112, section 6.3). */
export function framingOf(method: string, { status, headers }: AnswerHead): Framing {
  if (method === "HEAD" || status === 204 || status === 304) return 0;
  const encoding = headers.get("transfer-encoding");
  if (encoding !== null) {
    if (encoding.toLowerCase() === "chunked" && !headers.has("content-length")) return "chunked";
    throw wrong(`the transfer encoding "${encoding}"`);
  }
  const text = headers.get("content-length");
  if (text === null) return "close";
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw wrong(`the content length "${text}"`);
}

/** The size that a line before a chunk tells; extensions after it mean nothing to us. */
export function parseChunkSize(line: string): number {
  const match = /^([0-9a-f]{1,12})[ \t]*(?:;.*)?$/i.exec(line);
  if (match === null) throw wrong(`the chunk size "${line.slice(0, 40)}"`);
  return parseInt(match[1]!, 16);
}

/** One character for each byte, as HTTP's headers are read; `TextDecoder` knows no such encoding. */
export function asLatin1({ buffer, byteOffset, byteLength }: Uint8Array<ArrayBuffer>): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString("latin1");
}

/** A request's head. Throws a TypeError for what would not be one line. */
export function requestHead(
  request: Pick<HttpRequest, "method" | "headers" | "body">,
  address: { readonly host: string; readonly target: string },
): Uint8Array<ArrayBuffer> {
  const { method, headers, body } = request;
  let text = `${method} ${address.target} HTTP/1.1\r\nhost: ${address.host}\r\n`;
  if (headers["accept-encoding"] === undefined) text += "accept-encoding: identity\r\n";
  // Where a body is expected its absence is told too (RFC 9110, section 8.6); AWS insists on it.
  const hasLength = body !== undefined || method === "PUT" || method === "POST";
  if (hasLength) text += `content-length: ${body?.byteLength ?? 0}\r\n`;
  for (const name in headers) {
    const value = headers[name]!;
    if (!VALUE.test(value)) {
      throw new TypeError(`Cannot send the header "${name}": it has characters that HTTP forbids`);
    }
    text += `${name}: ${value}\r\n`;
  }
  return latin1Bytes(`${text}\r\n`);
}

const ENCODER = new TextEncoder();

function latin1Bytes(text: string): Uint8Array<ArrayBuffer> {
  const bytes = ENCODER.encode(text);
  // As many bytes as characters: all were ASCII, where the two encodings are one.
  if (bytes.byteLength === text.length) return bytes;
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

function wrong(what: string): HttpError {
  return new HttpError("protocol", `the answer cannot be understood: ${what}`);
}
