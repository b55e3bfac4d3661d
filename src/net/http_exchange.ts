/** One HTTP exchange as the layers above see it, whichever way it is sent. */

/** Headers of an answer. Names are in lower case; those that came several times are one, with ", ". */
export interface HttpHeaders extends Iterable<[name: string, value: string]> {
  get(name: string): string | null;
  has(name: string): boolean;
}

export interface HttpRequest {
  readonly method: string;
  /** Sent as it is; must be in the form that the URL standard leaves unchanged. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Must not change until the answer came or the exchange failed. */
  readonly body?: Uint8Array<ArrayBuffer>;
  /** Sent on a connection of its own: so it is certainly not sent twice. */
  readonly onFreshConnection?: boolean;
  /** Moves much data, one way or the other: leaves room for what does not (fair_slots.ts). */
  readonly isBulk?: boolean;
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
  readonly headers: HttpHeaders;
  readonly body: HttpBody;
}

/** The body of an answer. It holds its slot until it was read to the end, cancelled or failed. */
export interface HttpBody {
  /** Bytes received so far. */
  readonly received: number;
  /**
   * Fills `target`; returns the filled part as a view of the same memory, shorter than `target` only
   * where the body ends. A target that spans its whole buffer may be detached meanwhile, and is lost
   * when the read fails. One read at a time.
   */
  read(target: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>>;
  /** The whole body; fails with kind "protocol" when it is longer than `maxBytes`. */
  readAll(maxBytes: number): Promise<Uint8Array<ArrayBuffer>>;
  /** Ends the exchange and frees the slot. Safe at any time and repeatedly. */
  cancel(): Promise<void>;
}

/** Says how fast bytes may go. */
export interface Pace {
  /**
   * How many of the bytes that are wanted (at least 1) may go now, at least 1: at once, or after a wait
   * that rejects with the signal's reason when it fires first.
   */
  next(wantedBytes: number, signal: AbortSignal): number | Promise<number>;
  /** Gives back what was granted and did not go. */
  giveBack(bytes: number): void;
}

/** What the pool gives an exchange. */
export interface ExchangeTerms {
  /** Of the answer's body, and of the request's; undefined: as fast as it can. */
  readonly download: Pace | undefined;
  readonly upload: Pace | undefined;
  /** Called once, when the exchange is over: its body was consumed, cancelled or failed. */
  readonly onEnd: () => void;
}

/**
 * Whether a connection from this address of the machine's has no future; undefined: it has none yet, or
 * it is not known.
 */
export type IsDead = (localAddress: string | undefined) => boolean;

/** A way to send requests. */
export interface HttpTransport {
  /** Rejects with `HttpError`, or the signal's reason when it fired. */
  exchange(request: HttpRequest, terms: ExchangeTerms): Promise<HttpResponse>;
  /** Closes connections that no exchange uses. */
  dropIdleConnections(): void;
  /** Fails the exchanges under way on connections that are dead; see `IsDead`. */
  breakExchanges(isDead: IsDead): void;
  /** The same for good; exchanges under way still end. */
  close(): void;
}
