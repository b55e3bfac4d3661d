/**
 * HTTP for all mounts: one set of kept-alive connections, at most `maxConnections` exchanges at a
 * time, of which each mount has its fair share (fair_slots.ts). A slot is taken before the request
 * is sent and given back when the answer's body was consumed, cancelled or failed.
 *
 * Built on `fetch` with HTTP/1.1 (S3 servers gain nothing from HTTP/2, and one connection per
 * exchange is what the limit counts). Redirects are not followed: S3's name another region, and the
 * signature would not fit. Every request names `Accept-Encoding`: then Deno 2.9 leaves bodies as they
 * are, where it would unpack objects stored with `Content-Encoding: gzip`. Deno 2.6 unpacks them all
 * the same, and removes Content-Length, by which callers can tell.
 *
 * Deno 2.9 sends a request without body (or with one that is a plain array) once more by itself when a
 * connection that has served others breaks under it, although the server may have carried it out. A
 * `RequestBody` is never repeated, nor is what goes on a fresh connection; whoever sends another
 * conditional write without body must expect to meet its own work.
 */
import { type Clock, StallTimer, systemClock } from "../base/clock.ts";
import { FairSlots, type ReleaseSlot, type SlotShare } from "./fair_slots.ts";
import { HttpBody } from "./http_body.ts";
import { HttpError, toHttpError } from "./http_error.ts";
import { RequestBody } from "./request_body.ts";

/** Idle connections are dropped before servers do so (AWS: about 20 s), which would break a request. */
const IDLE_TIMEOUT_MS = 15_000;

export interface HttpRequest {
  readonly method: string;
  /** Sent as it is; must be in the form that the URL standard leaves unchanged. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer>;
  /** Sent on a connection of its own: so it is certainly not sent twice. */
  readonly onFreshConnection?: boolean;
  /** How long the answer's headers may take once the request was sent. */
  readonly firstByteTimeoutMs: number;
  /** How long the request's body, or the answer's while it is read, may make no progress. */
  readonly stallTimeoutMs: number;
  readonly signal: AbortSignal;
  /** Called when a slot was got and the request goes out. */
  readonly onSend?: () => void;
}

export interface HttpResponse {
  readonly status: number;
  /** From sending the request until the headers were there. */
  readonly latencyMs: number;
  readonly headers: Headers;
  readonly body: HttpBody;
}

export interface HttpPoolOptions {
  readonly maxConnections: number;
  readonly clock?: Clock;
}

export class HttpPool {
  readonly #slots: FairSlots;
  readonly #clock: Clock;
  #client: Deno.HttpClient | undefined;
  /** Keeps no connections. */
  #freshClient: Deno.HttpClient | undefined;

  constructor(options: HttpPoolOptions) {
    this.#slots = new FairSlots(options.maxConnections);
    this.#clock = options.clock ?? systemClock;
  }

  /** Slots in use now. */
  get inUse(): number {
    return this.#slots.inUse;
  }

  get limit(): number {
    return this.#slots.limit;
  }

  /** One mount's part of the pool. */
  share(): HttpShare {
    return new HttpShare(
      this.#slots.join(),
      (request, release) => this.#exchange(request, release),
    );
  }

  /** Closes connections that no exchange uses: after sleep or a change of network they are dead. */
  dropIdleConnections(): void {
    this.#client?.close();
    this.#freshClient?.close();
    this.#client = undefined;
    this.#freshClient = undefined;
  }

  /** Closes the pool; exchanges under way still end. */
  close(): void {
    this.dropIdleConnections();
  }

  async #exchange(request: HttpRequest, release: ReleaseSlot): Promise<HttpResponse> {
    const { signal } = request;
    const controller = new AbortController();
    const onAbort = () => controller.abort(signal.reason);
    const end = () => {
      signal.removeEventListener("abort", onAbort);
      release();
    };
    signal.addEventListener("abort", onAbort, { once: true });
    const timers = new ExchangeTimers(request, controller);
    try {
      signal.throwIfAborted();
      request.onSend?.();
      const startMs = this.#clock.monotonicMs();
      const response = await fetch(request.url, this.#init(request, controller.signal, timers));
      return {
        status: response.status,
        latencyMs: this.#clock.monotonicMs() - startMs,
        headers: response.headers,
        body: new HttpBody(response.body, {
          stallTimeoutMs: request.stallTimeoutMs,
          signal,
          abort: (reason) => controller.abort(reason),
          onEnd: end,
          contentLength: contentLength(request.method, response.headers),
        }),
      };
    } catch (error) {
      end();
      if (signal.aborted) throw signal.reason;
      throw controller.signal.aborted ? controller.signal.reason : toHttpError(error);
    } finally {
      timers.stop();
    }
  }

  #init(
    request: HttpRequest,
    signal: AbortSignal,
    timers: ExchangeTimers,
  ): RequestInit & { client: Deno.HttpClient } {
    const client = request.onFreshConnection === true
      ? this.#freshClient ??= createClient(0)
      : this.#client ??= createClient(this.limit);
    return {
      method: request.method,
      headers: { "accept-encoding": "identity", ...request.headers },
      redirect: "manual",
      signal,
      client,
      ...(request.body === undefined ? {} : { body: this.#body(request.body, timers) }),
    };
  }

  #body(bytes: Uint8Array<ArrayBuffer>, timers: ExchangeTimers): BodyInit {
    if (bytes.byteLength === 0) return bytes; // An empty stream would be sent without Content-Length.
    return new RequestBody(bytes, this.#clock, (isAllTaken) => timers.progress(isAllTaken));
  }
}

/** Ends an exchange that stops moving before the answer's headers came. */
class ExchangeTimers {
  readonly #request: HttpRequest;
  readonly #controller: AbortController;
  #timer: StallTimer;
  #isStopped = false;

  constructor(request: HttpRequest, controller: AbortController) {
    this.#request = request;
    this.#controller = controller;
    const isSent = request.body === undefined || request.body.byteLength === 0;
    this.#timer = isSent ? this.#waiting() : this.#sending();
  }

  /** A piece of the request's body was taken. */
  progress(isAllTaken: boolean): void {
    if (this.#isStopped) return; // The server answered before it had read everything.
    if (!isAllTaken) return this.#timer.kick();
    this.#timer.stop();
    this.#timer = this.#waiting();
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer.stop();
  }

  #sending(): StallTimer {
    const ms = this.#request.stallTimeoutMs;
    return new StallTimer(ms, () => this.#end("stalled", `no data was taken for ${ms / 1000} s`));
  }

  #waiting(): StallTimer {
    const ms = this.#request.firstByteTimeoutMs;
    return new StallTimer(ms, () => this.#end("timeout", `no answer within ${ms / 1000} s`));
  }

  #end(kind: "stalled" | "timeout", message: string): void {
    this.#controller.abort(new HttpError(kind, message));
  }
}

/** One mount's door to the pool. */
export class HttpShare {
  readonly #slots: SlotShare;
  readonly #exchange: (request: HttpRequest, release: ReleaseSlot) => Promise<HttpResponse>;

  constructor(
    slots: SlotShare,
    exchange: (request: HttpRequest, release: ReleaseSlot) => Promise<HttpResponse>,
  ) {
    this.#slots = slots;
    this.#exchange = exchange;
  }

  /** Slots this mount uses now. */
  get inUse(): number {
    return this.#slots.inUse;
  }

  /**
   * Waits for a slot, sends, and resolves when the answer's headers are there, whatever its status.
   * Rejects with `HttpError`, or the signal's reason when it fired.
   */
  async send(request: HttpRequest): Promise<HttpResponse> {
    return await this.#exchange(request, await this.#slots.acquire(request.signal));
  }

  /** The same without a slot: for the rare check whether an endpoint is alive while all are taken. */
  sendUncounted(request: HttpRequest): Promise<HttpResponse> {
    return this.#exchange(request, () => {});
  }

  /** Gives the share up. */
  close(): void {
    this.#slots.leave();
  }
}

function createClient(idleMax: number): Deno.HttpClient {
  return Deno.createHttpClient({
    http1: true,
    http2: false,
    poolMaxIdlePerHost: idleMax,
    poolIdleTimeout: IDLE_TIMEOUT_MS,
  });
}

function contentLength(method: string, headers: Headers): number | undefined {
  const text = headers.get("content-length");
  return method === "HEAD" || text === null || !/^\d+$/.test(text) ? undefined : Number(text);
}
