/** One request and its answer on an HTTP/1.1 connection, until both are over. */
import type { Alarm } from "../base/alarms.ts";
import { giveWay } from "../base/clock.ts";
import { untilAborted } from "../base/until_aborted.ts";
import { HttpError, toHttpError } from "./http_error.ts";
import type { ExchangeTerms, HttpRequest } from "./http_exchange.ts";
import { type Http1Connection, lost } from "./http1_connection.ts";
import type { AnswerHead } from "./http1_head.ts";

/** A body up to this size goes out together with the head, where it is not paced. */
const JOINED_BYTES_MAX = 64 * 1024;
/** So much is offered to the system at a time; it takes what it has room for. */
const PIECE_BYTES = 2 ** 20;

/** The server has ended a kept connection without a word on the request. */
export class StaleConnectionError extends HttpError {}

/** What becomes of connections. */
export interface ConnectionEnds {
  /** It may serve another request. */
  readonly onReusable: (connection: Http1Connection) => void;
  /** Something goes on that cannot be ended. */
  readonly onAbandoned: (work: Promise<unknown>) => void;
  /** The exchange is over, as it may be. */
  readonly onOver: (exchange: Http1Exchange) => void;
}

export class Http1Exchange {
  readonly request: HttpRequest;
  readonly terms: ExchangeTerms;
  readonly #alarm: Alarm;
  readonly #ends: ConnectionEnds;
  readonly #onAbort = () => void this.fail(this.request.signal.reason);
  #connection: Http1Connection | undefined;
  #connecting: AbortController | undefined;
  #isSent = false;
  #hasAnswer = false;
  #keepsOpen = false;
  #isOver = false;
  #failure: unknown;
  #onFailed: ((failure: unknown) => void) | undefined;

  constructor(
    request: HttpRequest,
    terms: ExchangeTerms,
    alarm: Alarm,
    ends: ConnectionEnds,
  ) {
    this.request = request;
    this.terms = terms;
    this.#alarm = alarm;
    this.#ends = ends;
    request.signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** There once `use` or `connect` has given it. */
  get connection(): Http1Connection {
    return this.#connection!;
  }

  /** Of its connection; undefined while there is none. */
  get localAddress(): string | undefined {
    return this.#connection?.localAddress;
  }

  /** Why it failed: what every further use rejects with. */
  get failure(): unknown {
    return this.#failure;
  }

  use(connection: Http1Connection): void {
    this.#connection = connection;
  }

  /**
   * Gets a connection from `open`, in the time that there is; one that comes later is for the next
   * request.
   */
  async connect(open: (signal: AbortSignal) => Promise<Http1Connection>): Promise<void> {
    const { firstByteTimeoutMs, stallTimeoutMs } = this.request;
    const { signal } = this.#connecting = new AbortController();
    this.#expect(Math.min(firstByteTimeoutMs, stallTimeoutMs), "timeout", "no connection within");
    const opening = open(signal);
    try {
      this.use(await untilAborted(opening, signal));
    } catch (error) {
      if (signal.aborted) this.#ends.onAbandoned(opening.then(this.#ends.onReusable));
      throw error;
    }
  }

  /** Sends the request on the connection and waits for the head of its answer. */
  async ask(head: Uint8Array<ArrayBuffer>, isKept: boolean): Promise<AnswerHead> {
    const isSentAtOnce = this.request.body === undefined || isJoined(this.request, this.terms);
    const arriving = this.connection.expect();
    // The server may say why it takes no more: after a failure its answer is still waited for.
    const sending = this.#send(head).catch(() => this.#expectAnswer());
    let hasBegun = false;
    try {
      hasBegun = await (isSentAtOnce ? arriving : this.#unlessFailed(arriving));
    } catch (error) {
      if (!isKept || this.#isOver) throw error;
    }
    if (!hasBegun) {
      throw isKept
        ? new StaleConnectionError("broken", "the server has closed the connection")
        : lost();
    }
    if (isSentAtOnce) await sending;
    this.#hasAnswer = true;
    const answer = await this.connection.head();
    this.#keepsOpen = answer.keepsOpen;
    this.#alarm.clear();
    return answer;
  }

  /** Data of the answer are being waited for. */
  expectData(): void {
    this.#expect(this.request.stallTimeoutMs, "stalled", "no data came for");
  }

  /** They came. */
  gotData(): void {
    this.#alarm.clear();
  }

  /** The answer was read to its end; `isFramed`: its end is not that of the connection. */
  succeed(isFramed: boolean): void {
    if (this.#isOver) return;
    const { connection } = this;
    this.#finish();
    const isReusable = isFramed && this.#keepsOpen && this.#isSent && connection.buffered === 0;
    if (isReusable) this.#ends.onReusable(connection);
    else this.#abandon(connection);
  }

  /** Ends the exchange unless it is over; returns what the caller is to throw. */
  fail(error: unknown): unknown {
    if (this.#isOver) return this.#failure ?? error;
    const { signal } = this.request;
    this.#failure = signal.aborted ? signal.reason : toHttpError(error);
    this.#finish();
    this.#connecting?.abort(this.#failure);
    if (this.#connection !== undefined) this.#abandon(this.#connection);
    this.#onFailed?.(this.#failure);
    return this.#failure;
  }

  /** A connection with a write that is stuck is not closed, so nothing on it rejects. */
  #unlessFailed<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, new Promise<never>((_, reject) => this.#onFailed = reject)]);
  }

  #abandon(connection: Http1Connection): void {
    const { writing } = connection;
    if (writing === undefined) return connection.close();
    const close = () => connection.close();
    this.#ends.onAbandoned(writing.then(close, close));
  }

  #finish(): void {
    this.#isOver = true;
    this.#ends.onOver(this);
    this.#alarm.clear();
    this.request.signal.removeEventListener("abort", this.#onAbort);
    this.terms.onEnd();
  }

  async #send(head: Uint8Array<ArrayBuffer>): Promise<void> {
    const { request, terms } = this;
    const { body } = request;
    if (body === undefined) {
      await this.#write(head);
    } else if (isJoined(request, terms)) {
      await this.#write(joined(head, body));
    } else {
      await this.#write(head);
      await this.#writePaced(body);
    }
    if (this.#hasAnswer) return; // perhaps before all was written
    this.#isSent = true;
    this.#expectAnswer();
  }

  async #writePaced(body: Uint8Array<ArrayBuffer>): Promise<void> {
    const { upload } = this.terms;
    for (let sent = 0; sent < body.byteLength && !this.#hasAnswer;) {
      let size = Math.min(PIECE_BYTES, body.byteLength - sent);
      if (upload !== undefined) {
        this.#alarm.clear();
        size = await upload.next(size, this.request.signal);
      }
      await this.#write(body.subarray(sent, sent + size));
      sent += size;
      // A system that takes all at once would keep everything else waiting.
      if (sent < body.byteLength) await giveWay();
    }
  }

  async #write(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    for (let sent = 0; sent < bytes.byteLength && !this.#hasAnswer;) {
      this.#expect(this.request.stallTimeoutMs, "stalled", "no data was taken for");
      sent += await this.connection.write(bytes.subarray(sent));
    }
  }

  #expectAnswer(): void {
    if (this.#hasAnswer) return;
    this.#expect(this.request.firstByteTimeoutMs, "timeout", "no answer within");
  }

  #expect(ms: number, kind: "stalled" | "timeout", what: string): void {
    if (this.#isOver) return;
    this.#alarm.set(ms, () => this.fail(new HttpError(kind, `${what} ${ms / 1000} s`)));
  }
}

/** Whether the body goes out in one piece with the head. */
function isJoined({ body }: HttpRequest, { upload }: ExchangeTerms): boolean {
  return body !== undefined && body.byteLength <= JOINED_BYTES_MAX && upload === undefined;
}

function joined(
  head: Uint8Array<ArrayBuffer>,
  body: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(head.byteLength + body.byteLength);
  bytes.set(head);
  bytes.set(body, head.byteLength);
  return bytes;
}
