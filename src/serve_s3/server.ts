/**
 * An S3 server on a directory, for tests and demonstrations: strict where AWS is strict, so that what
 * works here works there. Not for data that matters: nothing is synced to the disk, and there is one
 * pair of keys for everything.
 *
 * A request's way: request.ts takes it apart, router.ts names the operation, auth/ checks the
 * signature, calls/ answers it on the bucket in store/. Errors become XML here.
 */
import { randomBytes } from "node:crypto";
import { type Clock, systemClock } from "../base/clock.ts";
import { logger } from "../base/log.ts";
import { messageOf } from "../base/message_of.ts";
import { authenticate, type Authority } from "./auth/authenticate.ts";
import { discardBody } from "./body/raw_chunks.ts";
import { keepUncompressed } from "./keep_uncompressed.ts";
import { parseRequest, type S3Request } from "./request.ts";
import { RequestCounts } from "./request_counts.ts";
import { findRoute, noRoute } from "./router.ts";
import { S3Error } from "./s3_error.ts";
import { Buckets } from "./store/buckets.ts";
import { element, text } from "./xml_writer.ts";

const DEFAULT_REGION = "us-east-1";

export interface S3ServerOptions {
  /** Made if missing; its subdirectories that this server made are the buckets. */
  readonly directory: string;
  /** Default: 127.0.0.1. */
  readonly hostname?: string;
  /** Default: any free port. */
  readonly port?: number;
  /** With both keys every request must be signed with them; with none anyone may do anything. */
  readonly accessKeyId?: string;
  readonly secretAccessKey?: string;
  /** Default: us-east-1. */
  readonly region?: string;
  readonly clock?: Clock;
  /** Stops the server, as `close` does. */
  readonly signal?: AbortSignal;
}

/** A running server. */
export interface S3Server {
  /** Endpoint for clients, without a trailing slash. */
  readonly url: string;
  readonly port: number;
  readonly counts: RequestCounts;
  /** Stops listening and breaks open connections; resolves when that is done. Safe to repeat. */
  close(): Promise<void>;
}

/** Loads the directory and listens; rejects when either fails, for example when the port is taken. */
export async function startS3Server(options: S3ServerOptions): Promise<S3Server> {
  const { hostname = "127.0.0.1", clock = systemClock } = options;
  const region = options.region ?? DEFAULT_REGION;
  const authority = readAuthority(options, region);
  const buckets = await Buckets.load(options.directory, clock);
  const counts = new RequestCounts();
  const service = new S3Service(buckets, counts, region, authority, clock);
  const stop = new AbortController();
  const server = listen(service, hostname, options.port ?? 0, stop.signal);
  // Not AbortSignal.any: Deno 2.6 may collect its result although it is listened to.
  const onAbort = () => stop.abort();
  if (options.signal?.aborted === true) onAbort();
  options.signal?.addEventListener("abort", onAbort, { once: true });
  const { port } = server.addr;
  const host = hostname === "0.0.0.0" || hostname === "::" ? "127.0.0.1" : hostname;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${port}`,
    port,
    counts,
    close: async () => {
      options.signal?.removeEventListener("abort", onAbort);
      stop.abort();
      await server.finished;
    },
  };
}

function listen(
  service: S3Service,
  hostname: string,
  port: number,
  signal: AbortSignal,
): Deno.HttpServer<Deno.NetAddr> {
  try {
    return Deno.serve({
      hostname,
      port,
      signal,
      onListen: () => {},
      onError: () => new Response(null, { status: 500 }),
    }, (request) => service.answer(request));
  } catch (cause) {
    const reason = messageOf(cause);
    throw new Error(`Cannot serve S3 on ${hostname} port ${port}: ${reason}`, { cause });
  }
}

function readAuthority(options: S3ServerOptions, region: string): Authority | undefined {
  const { accessKeyId, secretAccessKey } = options;
  if (accessKeyId === undefined && secretAccessKey === undefined) return undefined;
  if (!accessKeyId || !secretAccessKey) {
    throw new TypeError("Cannot serve S3 with one key: give both the access and the secret key");
  }
  return { accessKeyId, secretAccessKey, region };
}

class S3Service {
  readonly #buckets: Buckets;
  readonly #counts: RequestCounts;
  readonly #region: string;
  readonly #authority: Authority | undefined;
  readonly #clock: Clock;

  constructor(
    buckets: Buckets,
    counts: RequestCounts,
    region: string,
    authority: Authority | undefined,
    clock: Clock,
  ) {
    this.#buckets = buckets;
    this.#counts = counts;
    this.#region = region;
    this.#authority = authority;
    this.#clock = clock;
  }

  async answer(request: Request): Promise<Response> {
    const requestId = randomBytes(8).toString("hex").toUpperCase();
    let response: Response;
    try {
      response = await this.#dispatch(request);
    } catch (error) {
      const known = error instanceof S3Error ? error : this.#internalError(request, error);
      await discardBody(request);
      response = errorResponse(known, request, requestId);
    }
    response.headers.set("server", "cloudmount");
    response.headers.set("x-amz-request-id", requestId);
    response.headers.set("x-amz-id-2", randomBytes(48).toString("base64"));
    keepUncompressed(response);
    return response;
  }

  async #dispatch(received: Request): Promise<Response> {
    let request: S3Request;
    try {
      request = parseRequest(received, (name) => this.#buckets.has(name));
    } catch (error) {
      this.#counts.add("Unknown");
      throw error;
    }
    const route = findRoute(request);
    this.#counts.add(route?.operation ?? "Unknown");
    const signer = this.#authority === undefined
      ? undefined
      : authenticate(request, this.#authority, this.#clock.nowMs());
    if (route === undefined) throw noRoute(request);
    return await route.handle({
      request,
      buckets: this.#buckets,
      region: this.#region,
      clock: this.#clock,
      signer,
    });
  }

  #internalError(request: Request, error: unknown): S3Error {
    // Not worth a line: the client went away in the middle of its body.
    if (!request.signal.aborted) {
      logger("serve_s3").error("Cannot answer {method} {url}: {error}", {
        method: request.method,
        url: request.url,
        error,
      });
    }
    return new S3Error("InternalError", "We encountered an internal error. Please try again.");
  }
}

function errorResponse(error: S3Error, request: Request, requestId: string): Response {
  const { status, headers } = error;
  if (request.method === "HEAD" || status === 304) return new Response(null, { status, headers });
  const document = element(
    "Error",
    text("Code", error.code),
    text("Message", error.message),
    ...Object.entries(error.details).map(([name, value]) => text(name, value)),
    text("Resource", resourceOf(request.url)),
    text("RequestId", requestId),
  );
  return new Response(`<?xml version="1.0" encoding="UTF-8"?>\n${document}`, {
    status,
    headers: { "content-type": "application/xml", ...headers },
  });
}

function resourceOf(url: string): string {
  const afterScheme = url.slice("http://".length);
  return afterScheme.slice(Math.max(0, afterScheme.indexOf("/"))).split("?")[0] ?? "/";
}
