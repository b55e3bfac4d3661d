/**
 * Sends requests over HTTP/1.1 connections of its own. Measured against `fetch` on one machine: a GET of
 * 16 KiB takes a third of the CPU time, 8 MiB take half of it, and a PUT of 8 MiB a third, for nothing
 * is copied between runtime, stream and buffer.
 *
 * No request is sent twice, with one exception: a GET or HEAD for which a kept connection turned out to
 * be closed goes once more on a fresh one.
 */
import { Alarms } from "../base/alarms.ts";
import type { Clock } from "../base/clock.ts";
import { AbandonedWork } from "./abandoned_work.ts";
import { HttpError } from "./http_error.ts";
import type {
  ExchangeTerms,
  HttpRequest,
  HttpResponse,
  HttpTransport,
  IsDead,
} from "./http_exchange.ts";
import { Http1Body } from "./http1_body.ts";
import { Http1Connection } from "./http1_connection.ts";
import { type ConnectionEnds, Http1Exchange, StaleConnectionError } from "./http1_exchange.ts";
import { type AnswerHead, framingOf, requestHead } from "./http1_head.ts";
import { IdleConnections } from "./idle_connections.ts";
import { openConnection, type Resolve } from "./open_connection.ts";

export class Http1Transport implements HttpTransport {
  readonly #clock: Clock;
  readonly #idle: IdleConnections;
  readonly #alarms: Alarms;
  readonly #fallback: HttpTransport;
  readonly #resolve: Resolve | undefined;
  readonly #abandoned = new AbandonedWork();
  readonly #running = new Set<Http1Exchange>();
  /** Rises when connections are dropped: those that were opened before are not kept either. */
  #generation = 0;

  /**
   * Keeps at most `idleMax` idle connections for each origin. `fallback` serves origins for which no
   * more can be opened for the time being. `resolve` tells addresses; undefined: the system does.
   */
  constructor(clock: Clock, idleMax: number, fallback: HttpTransport, resolve?: Resolve) {
    this.#clock = clock;
    this.#idle = new IdleConnections(clock, idleMax);
    this.#alarms = new Alarms(clock);
    this.#fallback = fallback;
    this.#resolve = resolve;
  }

  async exchange(request: HttpRequest, terms: ExchangeTerms): Promise<HttpResponse> {
    const { origin, host, target } = splitUrl(request.url);
    const isFresh = request.onFreshConnection === true;
    const kept = isFresh ? undefined : this.#idle.take(origin);
    if (kept === undefined && this.#abandoned.has(origin)) {
      return await this.#fallback.exchange(request, terms);
    }
    const exchange = new Http1Exchange(request, terms, this.#alarms.alarm(), this.#ends(origin));
    this.#running.add(exchange);
    try {
      request.signal.throwIfAborted();
      request.onSend?.();
      const startMs = this.#clock.monotonicMs();
      const head = requestHead(request, { host, target });
      const answer = await this.#ask(exchange, origin, kept, head);
      const latencyMs = this.#clock.monotonicMs() - startMs;
      const body = new Http1Body(exchange, framingOf(request.method, answer));
      return { status: answer.status, latencyMs, headers: answer.headers, body };
    } catch (error) {
      throw exchange.fail(error);
    }
  }

  dropIdleConnections(): void {
    this.#generation++;
    this.#idle.clear();
    this.#fallback.dropIdleConnections();
  }

  breakExchanges(isDead: IsDead): void {
    for (const exchange of [...this.#running]) {
      if (!isDead(exchange.localAddress)) continue;
      exchange.fail(
        new HttpError("broken", "the connection was given up: the network has changed"),
      );
    }
    this.#fallback.breakExchanges(isDead);
  }

  close(): void {
    this.dropIdleConnections();
    this.#alarms.close();
    this.#fallback.close();
  }

  #ends(origin: string): ConnectionEnds {
    const generation = this.#generation;
    return {
      onReusable: (connection) => {
        if (generation === this.#generation) this.#idle.put(origin, connection);
        else connection.close();
      },
      onAbandoned: (work) => this.#abandoned.add(origin, work),
      onOver: (exchange) => this.#running.delete(exchange),
    };
  }

  async #ask(
    exchange: Http1Exchange,
    origin: string,
    kept: Http1Connection | undefined,
    head: Uint8Array<ArrayBuffer>,
  ): Promise<AnswerHead> {
    if (kept !== undefined) {
      exchange.use(kept);
      try {
        return await exchange.ask(head, true);
      } catch (error) {
        const { method } = exchange.request;
        const isRepeatable = method === "GET" || method === "HEAD";
        if (!(error instanceof StaleConnectionError && isRepeatable)) throw error;
        kept.close();
      }
    }
    await exchange.connect((signal) => open(origin, signal, this.#resolve));
    return await exchange.ask(head, false);
  }
}

async function open(
  origin: string,
  signal: AbortSignal,
  resolve: Resolve | undefined,
): Promise<Http1Connection> {
  const { protocol, hostname, port } = new URL(origin);
  const isSecure = protocol === "https:";
  return new Http1Connection(
    await openConnection(
      {
        isSecure,
        hostname: hostname.replace(/^\[|\]$/g, ""),
        port: port === "" ? (isSecure ? 443 : 80) : Number(port),
      },
      signal,
      resolve,
    ),
  );
}

/** `new URL` would take as long as writing the request does. */
function splitUrl(url: string): { origin: string; host: string; target: string } {
  const match = /^(https?:\/\/([^/?#]+))(\/[^#\s]*)?$/.exec(url);
  if (match === null) throw new TypeError(`Cannot send a request to "${url}": not an http URL`);
  return { origin: match[1]!, host: match[2]!, target: match[3] ?? "/" };
}
