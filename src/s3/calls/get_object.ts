/** GetObject: the bytes of an object or of a range of it, streamed into the reader's buffers. */
import { rangeSize } from "../../base/byte_range.ts";
import { HttpError } from "../../net/http_error.ts";
import type { HttpBody, HttpResponse } from "../../net/http_exchange.ts";
import { BULK_BYTES_MIN, type S3Call, type S3Client } from "../client.ts";
import { PreconditionFailedError, type StoreError, TransportError } from "../errors.ts";
import { objectInfoFromHeaders } from "../metadata_headers.ts";
import type { GetOptions, ObjectBody, ObjectInfo } from "../object_store.ts";
import { errorFromTransport } from "../response_error.ts";
import { sendForLength } from "./_object_length.ts";

type GetCall = S3Call & { readonly key: string };

export async function getObject(
  client: S3Client,
  key: string,
  options: GetOptions,
  signal: AbortSignal,
): Promise<ObjectBody> {
  const headers: Record<string, string> = {
    "accept-encoding": client.endpoint.quirks.acceptEncoding,
  };
  const { range, ifMatch } = options;
  if (range !== undefined) headers["range"] = `bytes=${range.start}-${range.end - 1}`;
  if (ifMatch !== undefined) headers["if-match"] = ifMatch;
  const isBulk = range === undefined || rangeSize(range) >= BULK_BYTES_MIN;
  const call: GetCall = {
    operation: "GetObject",
    kind: "get",
    method: "GET",
    key,
    headers,
    isBulk,
  };
  const response = await sendForLength(client, call, signal);
  try {
    const extent = bodyExtent(client, call, options, response);
    const info = objectInfoFromHeaders(key, response.headers, extent.objectSize);
    checkEtag(client, info, ifMatch);
    return new S3ObjectBody(client, call, info, response.body, extent.bodySize, signal);
  } catch (error) {
    await response.body.cancel();
    throw error;
  }
}

/** What the headers promise, checked against what was asked. */
function bodyExtent(
  client: S3Client,
  call: GetCall,
  options: GetOptions,
  response: HttpResponse,
): { readonly bodySize: number; readonly objectSize: number } {
  const { headers, status } = response;
  const wrong = (what: string) => client.protocolError(call, headers, what);
  const lengthText = headers.get("content-length");
  const length = lengthText === null ? undefined : Number(lengthText);
  const { range } = options;
  if (status === 206 && range !== undefined) {
    const text = headers.get("content-range") ?? "";
    const match = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(text);
    if (match === null) throw wrong(`Content-Range is "${text}"`);
    const [start, last, objectSize] = match.slice(1).map(Number) as [number, number, number];
    const expectedLast = Math.min(range.end, objectSize) - 1;
    if (start !== range.start || last !== expectedLast) {
      throw wrong(`bytes ${range.start}-${expectedLast} were asked, Content-Range is "${text}"`);
    }
    const bodySize = last + 1 - start;
    if (length !== undefined && length !== bodySize) {
      throw wrong(`Content-Length is ${length} for ${bodySize} bytes`);
    }
    return { bodySize, objectSize };
  }
  if (length === undefined) throw wrong("the answer does not tell its length");
  // A server that ignores Range is right by chance when the range was the whole object.
  const isWhole = range === undefined || (range.start === 0 && rangeSize(range) >= length);
  if (status !== 200 || !isWhole) {
    throw wrong(`status ${status} to a request for ${range === undefined ? "all" : "a range"}`);
  }
  return { bodySize: length, objectSize: length };
}

/** Some servers ignore If-Match: then the ETag itself still tells. */
function checkEtag(client: S3Client, info: ObjectInfo, ifMatch: string | undefined): void {
  if (ifMatch === undefined || info.etag === ifMatch) return;
  throw new PreconditionFailedError(`the object has the ETag ${info.etag} by now`, {
    operation: "GetObject",
    bucket: client.bucket,
    key: info.key,
  });
}

class S3ObjectBody implements ObjectBody {
  readonly info: ObjectInfo;
  readonly #client: S3Client;
  readonly #call: GetCall;
  readonly #body: HttpBody;
  readonly #size: number;
  readonly #signal: AbortSignal;

  constructor(
    client: S3Client,
    call: GetCall,
    info: ObjectInfo,
    body: HttpBody,
    size: number,
    signal: AbortSignal,
  ) {
    this.#client = client;
    this.#call = call;
    this.info = info;
    this.#body = body;
    this.#size = size;
    this.#signal = signal;
  }

  async read(target: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
    const wanted = target.byteLength;
    const filled = await this.#readBody(target);
    this.#client.stats.downloaded(filled.byteLength);
    const { received } = this.#body;
    const isShort = filled.byteLength < wanted && received < this.#size;
    if (isShort || received > this.#size) {
      await this.cancel();
      throw this.#failed(`the body has ${received} instead of ${this.#size} bytes`);
    }
    return filled;
  }

  cancel(): Promise<void> {
    return this.#body.cancel();
  }

  async #readBody(target: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
    try {
      return await this.#body.read(target);
    } catch (error) {
      if (this.#signal.aborted || !(error instanceof HttpError)) throw error;
      this.#client.stats.failed();
      throw errorFromTransport(this.#client.context(this.#call), error);
    }
  }

  #failed(message: string): StoreError {
    this.#client.stats.failed();
    const { operation, key } = this.#call;
    return new TransportError(message, { operation, bucket: this.#client.bucket, key });
  }
}
