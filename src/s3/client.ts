/**
 * Sends requests to one bucket: signs them, sends them through the mount's share of the pool, and
 * turns every other answer than success into a typed error.
 *
 * What a server's answer corrects is learned here and the request is sent once more: the bucket's
 * region, the difference of the clocks, expired credentials. All other repeating is the business of
 * stores/retrying.ts.
 *
 * Calls that may take long (uploads, copies) have a late deadline for the answer to begin, as its time
 * depends on sizes and speeds; so they are watched as well (endpoint_watch.ts).
 */
import type { Alarms } from "../base/alarms.ts";
import { HttpError } from "../net/http_error.ts";
import type { HttpHeaders, HttpRequest, HttpResponse } from "../net/http_exchange.ts";
import type { HttpShare } from "../net/http_pool.ts";
import { type CallerIdentity, identify, stsUrlOf } from "./caller_identity.ts";
import type { Credentials } from "./credentials.ts";
import type { BucketEndpoint } from "./endpoint.ts";
import { EndpointWatch } from "./endpoint_watch.ts";
import {
  AccessDeniedError,
  ClockSkewError,
  ProtocolError,
  StoreError,
  type StoreErrorDetails,
  WrongRegionError,
} from "./errors.ts";
import { encodeRfc3986 } from "./key_encoding.ts";
import type { RequestCredentials } from "./request_credentials.ts";
import type { RequestKind, RequestStats } from "./request_stats.ts";
import {
  errorFromAnswer,
  errorFromTransport,
  notS3Error,
  type RequestContext,
} from "./response_error.ts";
import type { ServerClock } from "./server_clock.ts";
import { EMPTY_SHA256, signV4, UNSIGNED_PAYLOAD } from "./sign_v4.ts";
import { sha256OfBody } from "./payload_hash.ts";
import { wholeXmlRoot } from "./xml.ts";

/** An answer in XML is at most a page of a listing: 1000 keys of 1024 bytes, thrice when encoded. */
const XML_BYTES_MAX = 16 * 2 ** 20;

/** What the server may take for a copy of 5 GiB, or for putting 10,000 parts together. */
const LONG_CALL_MS = 300_000;
/** And for storing an upload of one request, with what the network still holds of it. */
const STORE_UPLOAD_MS = 60_000;

/** Requests that move so much, and copies, which take the server long, leave room for small ones. */
export const BULK_BYTES_MIN = 2 ** 20;

export interface Deadlines {
  /** For an answer to begin. */
  readonly firstByteMs: number;
  /** For a body to go on. */
  readonly stallMs: number;
  /** For an operation with all its repeats, as far as nothing moves. */
  readonly totalMs: number;
}

/** One request, addressed relative to the bucket. */
export interface S3Call {
  /** As S3 names it, for example "GetObject". */
  readonly operation: string;
  readonly kind: RequestKind;
  readonly method: "GET" | "PUT" | "HEAD" | "POST" | "DELETE";
  /** Absent: the bucket itself. */
  readonly key?: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer>;
  /** A checksum of the body is among the headers. */
  readonly hasChecksum?: boolean;
  /** The answer may take longer than `firstByteMs` without anything being wrong. */
  readonly isLong?: boolean;
  /** The answer is large; large bodies and copies count as bulk anyway. */
  readonly isBulk?: boolean;
  /** Carrying it out twice would leave something behind: it is not sent twice unnoticed. */
  readonly isOnce?: boolean;
}

export interface S3ClientOptions {
  readonly endpoint: BucketEndpoint;
  readonly share: HttpShare;
  /** Absent: requests are not signed. */
  readonly credentials: RequestCredentials | undefined;
  readonly stats: RequestStats;
  readonly clock: ServerClock;
  readonly alarms: Alarms;
  readonly deadlines: Deadlines;
  /** Sent with every request. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Which corrections this call has used up. */
interface Corrections {
  region: boolean;
  clock: boolean;
  credentials: boolean;
  payload: boolean;
}

export class S3Client {
  readonly endpoint: BucketEndpoint;
  readonly stats: RequestStats;
  readonly #options: S3ClientOptions;
  readonly #watch: EndpointWatch;
  /** Some buckets' policies refuse bodies that are not signed, and so may servers. */
  #signsAllBodies = false;

  constructor(options: S3ClientOptions) {
    this.#options = options;
    this.endpoint = options.endpoint;
    this.stats = options.stats;
    this.#watch = new EndpointWatch({
      alarms: options.alarms,
      intervalMs: options.deadlines.firstByteMs / 2,
      sinceContactMs: () => options.stats.sinceContactMs(),
      probe: () => this.#probe(),
    });
  }

  get bucket(): string {
    return this.endpoint.bucket;
  }

  /** Sends until an answer with status 2xx; its body must be read or cancelled. */
  async send(call: S3Call, signal: AbortSignal): Promise<HttpResponse> {
    const used: Corrections = {
      region: false,
      clock: false,
      credentials: false,
      payload: false,
    };
    for (;;) {
      const credentials = await this.#options.credentials?.get(this.#details(call), signal);
      const context = this.context(call);
      try {
        return await this.#attempt(call, context, credentials, signal);
      } catch (error) {
        const isWorthIt = this.#learnFrom(error, context, used) ||
          this.#learnToSign(error, call, used) ||
          (credentials !== undefined && !used.credentials &&
            await this.#renewAfter(error, call, credentials, used, signal));
        if (!isWorthIt) throw error;
        this.stats.retried();
      }
    }
  }

  /** The same for calls that answer in XML with one of `roots`; returns the whole document. */
  async sendForXml(
    call: S3Call,
    roots: readonly string[],
    signal: AbortSignal,
  ): Promise<{ readonly text: string; readonly headers: HttpHeaders }> {
    const response = await this.send(call, signal);
    const context = this.context(call);
    const text = await this.#readText(response, context, signal);
    const root = wholeXmlRoot(text);
    if (root !== undefined && roots.includes(root)) return { text, headers: response.headers };
    this.stats.failed();
    // CopyObject, UploadPartCopy and CompleteMultipartUpload begin their answer before they know.
    if (root === "Error") throw this.#errorFrom(context, response, text);
    throw notS3Error(context, this.#details(call, response.headers));
  }

  /** Whose credentials sign; undefined: nobody's. Throws `AccessDeniedError` for those that nobody knows. */
  async identity(signal: AbortSignal): Promise<CallerIdentity | undefined> {
    const { share, clock, deadlines: { firstByteMs: timeoutMs } } = this.#options;
    const { region, isAws } = this.endpoint;
    const details = this.#details({ operation: "GetCallerIdentity" });
    const credentials = await this.#options.credentials?.get(details, signal);
    if (credentials === undefined) return undefined;
    const stsUrl = isAws ? stsUrlOf(region) : undefined;
    const question = { bucket: this.bucket, stsUrl, region, share, clock, timeoutMs };
    return await identify(credentials, question, signal);
  }

  /** The same for calls that are answered without a body: one with a body is a sign-in page's, say. */
  async sendForNothing(call: S3Call, signal: AbortSignal): Promise<void> {
    const response = await this.send(call, signal);
    const context = this.context(call);
    if (await this.#readText(response, context, signal) === "") return;
    this.stats.failed();
    throw notS3Error(context, this.#details(call, response.headers));
  }

  /** What a call's errors name. */
  context(call: Pick<S3Call, "operation" | "key">): RequestContext {
    return {
      operation: call.operation,
      bucket: this.bucket,
      origin: this.endpoint.origin,
      region: this.endpoint.region,
      ...(call.key === undefined ? {} : { key: call.key }),
    };
  }

  /** For an answer that arrived but makes no sense. */
  protocolError(
    call: Pick<S3Call, "operation" | "key">,
    headers: HttpHeaders,
    message: string,
  ): ProtocolError {
    return new ProtocolError(message, this.#details(call, headers));
  }

  #details(call: Pick<S3Call, "operation" | "key">, headers?: HttpHeaders): StoreErrorDetails {
    const requestId = headers?.get("x-amz-request-id");
    return {
      operation: call.operation,
      bucket: this.bucket,
      ...(call.key === undefined ? {} : { key: call.key }),
      ...(requestId === undefined || requestId === null ? {} : { requestId }),
    };
  }

  async #attempt(
    call: S3Call,
    context: RequestContext,
    credentials: Credentials | undefined,
    signal: AbortSignal,
  ): Promise<HttpResponse> {
    const request = await this.#build(call, credentials, signal);
    const response = await this.#exchange(call, request, context, signal);
    this.endpoint.learnServer(response.headers.get("server"));
    if (response.status >= 200 && response.status < 300) {
      this.#options.clock.heard(response.headers.get("date"));
      this.stats.uploaded(call.body?.byteLength ?? 0);
      return response;
    }
    const isOrdinary = [404, 409, 412, 416].includes(response.status);
    if (!isOrdinary) this.stats.failed();
    const text = await this.#readText(response, context, signal);
    throw this.#errorFrom(context, response, text);
  }

  async #build(
    call: S3Call,
    credentials: Credentials | undefined,
    signal: AbortSignal,
  ): Promise<HttpRequest> {
    const query = call.query === undefined ? "" : Object.entries(call.query)
      .map(([name, value]) => `${encodeRfc3986(name)}=${encodeRfc3986(value)}`).join("&");
    const address = this.endpoint.address(call.key ?? "", query);
    const headers = { "user-agent": "cloudmount", ...this.#options.headers, ...call.headers };
    const signature = credentials === undefined ? {} : signV4({
      method: call.method,
      host: address.host,
      path: address.path,
      query,
      headers,
      payloadHash: call.body === undefined
        ? EMPTY_SHA256
        : this.#leavesUnsigned(call)
        ? UNSIGNED_PAYLOAD
        : await sha256OfBody(call.body),
      region: this.endpoint.region,
      timeMs: this.#options.clock.nowMs(),
    }, credentials);
    const { firstByteMs, stallMs } = this.#options.deadlines;
    const longMs = call.kind === "put" ? STORE_UPLOAD_MS : LONG_CALL_MS;
    return {
      method: call.method,
      url: address.url,
      headers: { ...headers, ...signature },
      firstByteTimeoutMs: call.isLong ? longMs : firstByteMs,
      stallTimeoutMs: stallMs,
      isBulk: call.isBulk === true || call.kind === "copy" ||
        (call.body?.byteLength ?? 0) >= BULK_BYTES_MIN,
      signal,
      onSend: () => this.stats.sent(call.kind),
      ...(call.body === undefined ? {} : { body: call.body }),
      ...(call.isOnce === undefined ? {} : { onFreshConnection: call.isOnce }),
    };
  }

  async #exchange(
    call: S3Call,
    request: HttpRequest,
    context: RequestContext,
    signal: AbortSignal,
  ): Promise<HttpResponse> {
    try {
      const { share } = this.#options;
      const response = call.isLong
        ? await this.#watch.during(signal, (watched) => share.send({ ...request, ...watched }))
        : await share.send(request);
      this.stats.answered(response.latencyMs);
      return response;
    } catch (error) {
      if (signal.aborted || !(error instanceof HttpError)) throw error;
      this.stats.failed();
      throw errorFromTransport(context, error);
    }
  }

  async #readText(
    response: HttpResponse,
    context: RequestContext,
    signal: AbortSignal,
  ): Promise<string> {
    try {
      const bytes = await response.body.readAll(XML_BYTES_MAX);
      this.stats.downloaded(bytes.byteLength);
      return new TextDecoder().decode(bytes);
    } catch (error) {
      if (signal.aborted || !(error instanceof HttpError)) throw error;
      this.stats.failed();
      throw errorFromTransport(context, error);
    }
  }

  #errorFrom(context: RequestContext, response: HttpResponse, text: string): Error {
    const { clock } = this.#options;
    const answer = { status: response.status, headers: response.headers, text };
    const error = errorFromAnswer(context, answer, clock.nowMs());
    if (error instanceof ClockSkewError) clock.heard(response.headers.get("date"));
    return error;
  }

  /** True when the request is worth sending once more, as it will be another one. */
  #learnFrom(error: unknown, context: RequestContext, used: Corrections): boolean {
    if (error instanceof WrongRegionError && !used.region) {
      if (error.region === undefined || error.region === context.region) return false;
      this.endpoint.learnRegion(error.region);
      return used.region = true;
    }
    // The clock has heard the answer's date.
    if (!(error instanceof ClockSkewError) || used.clock || error.skewMs === 0) return false;
    return used.clock = true;
  }

  /** The same for one with other credentials. */
  async #renewAfter(
    error: unknown,
    call: S3Call,
    refused: Credentials,
    used: Corrections,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { credentials } = this.#options;
    const isRenewed = await credentials?.renewAfter(error, this.#details(call), refused, signal);
    return used.credentials = isRenewed === true;
  }

  /**
   * True for a body that is not hashed for the signature: nobody can change it on its way, and the server
   * compares its checksum.
   */
  #leavesUnsigned({ body, hasChecksum }: S3Call): boolean {
    return !this.#signsAllBodies && hasChecksum === true && this.endpoint.isSafeOnTheWay &&
      (body?.byteLength ?? 0) >= BULK_BYTES_MIN;
  }

  /** True when it may have been refused because the body was not signed. */
  #learnToSign(error: unknown, call: S3Call, used: Corrections): boolean {
    const mayBe = error instanceof AccessDeniedError ||
      (error instanceof StoreError && error.details.code === "XAmzContentSHA256Mismatch");
    if (used.payload || !mayBe || !this.#leavesUnsigned(call)) return false;
    this.#signsAllBodies = true;
    return used.payload = true;
  }

  /** Any HTTP answer will do. Outside the slots: when these are all stuck, it must still tell. */
  async #probe(): Promise<void> {
    const response = await this.#options.share.sendUncounted({
      method: "HEAD",
      url: this.endpoint.address("", "").url,
      headers: { "user-agent": "cloudmount" },
      firstByteTimeoutMs: this.#options.deadlines.firstByteMs / 2,
      stallTimeoutMs: this.#options.deadlines.stallMs,
      signal: new AbortController().signal,
      onSend: () => this.stats.sent("head"),
    });
    this.stats.answered(response.latencyMs);
    await response.body.cancel();
  }
}
