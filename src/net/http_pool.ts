/**
 * HTTP for all mounts: one set of kept-alive connections, at most `maxConnections` exchanges at a
 * time, of which each mount has its fair share (fair_slots.ts). A slot is taken before the request
 * is sent and given back when the answer's body was consumed, cancelled or failed. The bytes of all
 * bodies can be limited, each way (rate_limit.ts).
 *
 * HTTP/1.1 throughout: S3 servers gain nothing from HTTP/2, and one connection per exchange is what
 * the limit counts.
 */
import { type Clock, systemClock } from "../base/clock.ts";
import { FairSlots, type SlotShare } from "./fair_slots.ts";
import { FetchTransport } from "./fetch_transport.ts";
import type { HttpRequest, HttpResponse, HttpTransport, IsDead } from "./http_exchange.ts";
import { Http1Transport } from "./http1_transport.ts";
import type { Resolve } from "./open_connection.ts";
import { RateLimit, type RateShare } from "./rate_limit.ts";

/** What may change while the pool is in use. */
export interface HttpPoolLimits {
  readonly maxConnections: number;
  /** Bytes per second of answers' bodies, and of requests'; absent: no limit. */
  readonly downloadLimit?: number;
  readonly uploadLimit?: number;
}

export interface HttpPoolOptions extends HttpPoolLimits {
  /** The environment names a proxy, through which requests are to go. */
  readonly isProxied?: boolean;
  /** Where the addresses of endpoints come from, unless a proxy finds them; absent: the system. */
  readonly resolve?: Resolve;
  readonly clock?: Clock;
}

export class HttpPool {
  readonly #slots: FairSlots;
  readonly #transport: HttpTransport;
  readonly #clock: Clock;
  readonly #shares = new Set<HttpShare>();
  #limits: HttpPoolLimits;
  #download: RateLimit | undefined;
  #upload: RateLimit | undefined;

  constructor(options: HttpPoolOptions) {
    const { maxConnections, isProxied = false, clock = systemClock } = options;
    this.#clock = clock;
    this.#limits = options;
    this.#download = this.#rateLimit(options.downloadLimit);
    this.#upload = this.#rateLimit(options.uploadLimit);
    this.#slots = new FairSlots(maxConnections);
    const byFetch = new FetchTransport(clock, maxConnections);
    this.#transport = isProxied
      ? byFetch
      : new Http1Transport(clock, maxConnections, byFetch, options.resolve);
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
    const share: HttpShare = new HttpShare(
      this.#slots.join(),
      this.#rates(),
      this.#transport,
      () => this.#shares.delete(share),
    );
    this.#shares.add(share);
    return share;
  }

  /** Other limits from now on; exchanges under way end at the rates that they began with. */
  setLimits(limits: HttpPoolLimits): void {
    const old = this.#limits;
    this.#limits = limits;
    if (limits.maxConnections !== old.maxConnections) this.#slots.setLimit(limits.maxConnections);
    const { downloadLimit, uploadLimit } = limits;
    if (downloadLimit === old.downloadLimit && uploadLimit === old.uploadLimit) return;
    this.#download = this.#rateLimit(downloadLimit);
    this.#upload = this.#rateLimit(uploadLimit);
    for (const share of this.#shares) share._setRates(this.#rates());
  }

  /** Closes connections that no exchange uses: after sleep or a change of network they are dead. */
  dropIdleConnections(): void {
    this.#transport.dropIdleConnections();
  }

  /** Fails the exchanges under way on connections that are dead, at once instead of when their time is over. */
  breakExchanges(isDead: IsDead): void {
    this.#transport.breakExchanges(isDead);
  }

  #rateLimit(bytesPerSecond: number | undefined): RateLimit | undefined {
    return bytesPerSecond === undefined ? undefined : new RateLimit(bytesPerSecond, this.#clock);
  }

  #rates(): Rates {
    return { download: this.#download?.join(), upload: this.#upload?.join() };
  }

  /** Closes the pool; exchanges under way still end. */
  close(): void {
    this.#transport.close();
  }
}

interface Rates {
  readonly download: RateShare | undefined;
  readonly upload: RateShare | undefined;
}

/** One mount's door to the pool. */
export class HttpShare {
  readonly #slots: SlotShare;
  readonly #transport: HttpTransport;
  readonly #onClose: () => void;
  #rates: Rates;

  constructor(slots: SlotShare, rates: Rates, transport: HttpTransport, onClose: () => void) {
    this.#onClose = onClose;
    this.#slots = slots;
    this.#rates = rates;
    this.#transport = transport;
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
    const kind = request.isBulk === true ? "bulk" : "small";
    const onEnd = await this.#slots.acquire(kind, request.signal);
    const { download, upload } = this.#rates;
    return await this.#transport.exchange(request, {
      onEnd,
      download: download?.pace(kind),
      upload: upload?.pace(kind),
    });
  }

  /** The same without a slot: for the rare check whether an endpoint is alive while all are taken. */
  sendUncounted(request: HttpRequest): Promise<HttpResponse> {
    const terms = { onEnd: () => {}, download: undefined, upload: undefined };
    return this.#transport.exchange(request, terms);
  }

  /** Called by the pool. What goes at the old rates ends at them. */
  _setRates(rates: Rates): void {
    this.#rates = rates;
  }

  /** Gives the share up. */
  close(): void {
    this.#onClose();
    this.#slots.leave();
    this.#rates.download?.leave();
    this.#rates.upload?.leave();
  }
}
