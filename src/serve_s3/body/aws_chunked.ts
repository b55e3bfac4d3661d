/**
 * The `aws-chunked` transfer coding: "SIZE_HEX[;chunk-signature=HEX]\r\nBYTES\r\n" repeated, a chunk of
 * size 0, then (for the -TRAILER forms) "name:value" lines and perhaps x-amz-trailer-signature.
 */
import { createHash } from "node:crypto";
import type { ChunkSigner } from "../auth/chunk_signer.ts";
import { S3Error } from "../s3_error.ts";

const HEADER_LINE_BYTES_MAX = 1024;
const TRAILER_LINES_MAX = 16;
/** All chunks but the last must have at least this size (S3 API reference, InvalidChunkSizeError). */
const CHUNK_BYTES_MIN = 8 * 1024;

export interface AwsChunkedOptions {
  /** Absent: signatures are not looked at. */
  readonly signer?: ChunkSigner;
  /** Whether trailing headers follow the last chunk. */
  readonly trailing: boolean;
  /** Filled with the trailing headers, names in lower case. */
  readonly trailers: Map<string, string>;
}

/** The payload inside; a wrong signature throws after the bytes it should have covered. */
export async function* decodeAwsChunked(
  source: AsyncIterable<Uint8Array>,
  options: AwsChunkedOptions,
): AsyncGenerator<Uint8Array, void, void> {
  const reader = new ByteReader(source);
  let short = false;
  try {
    while (true) {
      const { size, given } = parseChunkHeader(await reader.line());
      if (short && size > 0) throw chunkTooShort();
      short = size < CHUNK_BYTES_MIN;
      const hash = options.signer === undefined ? undefined : createHash("sha256");
      for (let left = size; left > 0;) {
        const bytes = await reader.some(left);
        left -= bytes.length;
        hash?.update(bytes);
        yield bytes;
      }
      if (hash !== undefined) options.signer?.checkChunk(hash.digest("hex"), given);
      if (size === 0) break;
      if (await reader.line() !== "") throw incomplete();
    }
    if (options.trailing) await readTrailers(reader, options);
    else if (await reader.line() !== "") throw incomplete();
    await reader.expectEnd();
  } finally {
    await reader.close();
  }
}

function parseChunkHeader(line: string): { size: number; given: string } {
  const match = /^([0-9a-fA-F]{1,12})(?:;chunk-signature=([0-9a-f]*))?$/.exec(line);
  if (match === null) throw incomplete();
  return { size: parseInt(match[1]!, 16), given: match[2] ?? "" };
}

async function readTrailers(reader: ByteReader, options: AwsChunkedOptions): Promise<void> {
  let signed = "";
  let given = "";
  // Some clients leave out the empty line after the trailer's signature.
  for (let lines = 0; !(await reader.atEnd()); lines++) {
    const line = await reader.line();
    if (line === "") break;
    const colon = line.indexOf(":");
    if (colon < 1 || lines >= TRAILER_LINES_MAX) {
      throw new S3Error(
        "MalformedTrailerError",
        "The request contained trailing data that was not well-formed",
      );
    }
    const [name, value] = [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()];
    if (name === "x-amz-trailer-signature") {
      given = value;
    } else {
      options.trailers.set(name, value);
      signed += `${name}:${value}\n`;
    }
  }
  options.signer?.checkTrailer(signed, given);
}

/** Lines and byte runs out of an iterable of chunks. */
class ByteReader {
  readonly #iterator: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#iterator = source[Symbol.asyncIterator]();
  }

  async atEnd(): Promise<boolean> {
    while (this.#rest.length === 0) {
      const next = await this.#iterator.next();
      if (next.done === true) return true;
      this.#rest = next.value;
    }
    return false;
  }

  async expectEnd(): Promise<void> {
    if (!(await this.atEnd())) throw incomplete();
  }

  /** Between 1 and `max` bytes. */
  async some(max: number): Promise<Uint8Array> {
    if (await this.atEnd()) throw incomplete();
    const bytes = this.#rest.subarray(0, max);
    this.#rest = this.#rest.subarray(bytes.length);
    return bytes;
  }

  /** Up to the next CR LF, which is consumed and not returned. */
  async line(): Promise<string> {
    const bytes: number[] = [];
    while (bytes.at(-1) !== 0x0a) {
      if (bytes.length > HEADER_LINE_BYTES_MAX) throw incomplete();
      bytes.push((await this.some(1))[0]!);
    }
    if (bytes.at(-2) !== 0x0d) throw incomplete();
    return new TextDecoder().decode(new Uint8Array(bytes.slice(0, -2)));
  }

  async close(): Promise<void> {
    await this.#iterator.return?.();
  }
}

function incomplete(): S3Error {
  return new S3Error(
    "IncompleteBody",
    "The request body terminated unexpectedly or is not well-formed aws-chunked data",
  );
}

function chunkTooShort(): S3Error {
  return new S3Error(
    "InvalidChunkSizeError",
    "Only the last chunk is allowed to have a size less than 8192 bytes",
  );
}
