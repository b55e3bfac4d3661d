/**
 * Sends requests by `fetch`: it knows the proxies that the environment names. It costs two to three
 * times as much as connections of our own (http1_transport.ts).
 *
 * HTTP/1.1 here too, and redirects are not followed: S3's name another region, and the signature would
 * not fit. Every request names `Accept-Encoding`: then Deno 2.9 leaves bodies as they are, where it
 * would unpack objects stored with `Content-Encoding: gzip`. Deno 2.6 unpacks them all the same, and
 * removes Content-Length, by which callers can tell.
 *
 * Deno 2.9 sends a request without body (or with one that is a plain array) once more by itself when a
 * connection that has served others breaks under it, although the server may have carried it out. A
 * `RequestBody` is never repeated, nor is what goes on a fresh connection; whoever sends another
 * conditional write without body must expect to meet its own work.
 */
import { type Clock, StallTimer } from "../base/clock.ts";
import { FetchBody } from "./fetch_body.ts";
import { HttpError, toHttpError } from "./http_error.ts";
import type {
  ExchangeTerms,
  HttpRequest,
  HttpResponse,
  HttpTransport,
  IsDead,
  Pace,
} from "./http_exchange.ts";
import { RequestBody } from "./request_body.ts";

/** Idle connections are dropped before servers do so (AWS: about 20 s), which would break a request. */
const IDLE_TIMEOUT_MS = 15_000;

export class FetchTransport implements HttpTransport {
  readonly #clock: Clock;
  readonly #idleMax: number;
  /** Of the exchanges under way. */
  readonly #running = new Set<AbortController>();
  #client: Deno.HttpClient | undefined;
  /** Keeps no connections. */
  #freshClient: Deno.HttpClient | undefined;

  /** Keeps at most `idleMax` idle connections for each origin. */
  constructor(clock: Clock, idleMax: number) {
    this.#clock = clock;
    this.#idleMax = idleMax;
  }

  dropIdleConnections(): void {
    this.#client?.close();
    this.#freshClient?.close();
    this.#client = undefined;
    this.#freshClient = undefined;
  }

  breakExchanges(isDead: IsDead): void {
    if (!isDead(undefined)) return; // Which addresses are in use is not known here.
    const reason = new HttpError("broken", "the connection was given up: the network has changed");
    for (const controller of this.#running) controller.abort(reason);
  }

  close(): void {
    this.dropIdleConnections();
  }

  async exchange(request: HttpRequest, terms: ExchangeTerms): Promise<HttpResponse> {
    const { signal } = request;
    const controller = new AbortController();
    const onAbort = () => controller.abort(signal.reason);
    const end = () => {
      signal.removeEventListener("abort", onAbort);
      this.#running.delete(controller);
      terms.onEnd();
    };
    this.#running.add(controller);
    signal.addEventListener("abort", onAbort, { once: true });
    const timers = new ExchangeTimers(request, controller);
    try {
      signal.throwIfAborted();
      request.onSend?.();
      const startMs = this.#clock.monotonicMs();
      const init = this.#init(request, terms, controller.signal, timers);
      const response = await fetch(request.url, init);
      return {
        status: response.status,
        latencyMs: this.#clock.monotonicMs() - startMs,
        headers: response.headers,
        body: new FetchBody(response.body, {
          stallTimeoutMs: request.stallTimeoutMs,
          signal,
          pace: terms.download,
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
    terms: ExchangeTerms,
    signal: AbortSignal,
    timers: ExchangeTimers,
  ): RequestInit & { client: Deno.HttpClient } {
    const client = request.onFreshConnection === true
      ? this.#freshClient ??= createClient(0)
      : this.#client ??= createClient(this.#idleMax);
    const { body } = request;
    return {
      method: request.method,
      headers: { "accept-encoding": "identity", ...request.headers },
      redirect: "manual",
      signal,
      client,
      ...(body === undefined ? {} : { body: this.#body(body, terms, signal, timers) }),
    };
  }

  #body(
    bytes: Uint8Array<ArrayBuffer>,
    { upload }: ExchangeTerms,
    signal: AbortSignal,
    timers: ExchangeTimers,
  ): BodyInit {
    if (bytes.byteLength === 0) return bytes; // An empty stream would be sent without Content-Length.
    return new RequestBody(bytes, {
      clock: this.#clock,
      pace: upload === undefined ? undefined : timers.paused(upload),
      signal,
      onProgress: (isAllTaken) => timers.progress(isAllTaken),
    });
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

  /** `pace`, whose pauses are not those of the connection. */
  paused(pace: Pace): Pace {
    return {
      next: async (wantedBytes, signal) => {
        this.#timer.stop();
        const granted = await pace.next(wantedBytes, signal);
        if (!this.#isStopped) this.#timer = this.#sending();
        return granted;
      },
      giveBack: (bytes) => pace.giveBack(bytes),
    };
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
