/**
 * A limit of bytes per second, shared by holders (mounts) in turn, and within each by small requests and
 * bulk data in turn (fair_queue.ts).
 *
 * A bucket of tokens, one for each byte: it fills at the rate, up to a tenth of a second's worth, and a
 * byte goes only for a token. What is granted at a time is small, so that turns are short.
 */
import type { Clock } from "../base/clock.ts";
import { type FairLine, FairQueue, type Kind } from "./fair_queue.ts";
import type { Pace } from "./http_exchange.ts";

const BURST_SECONDS = 0.1;
/** Waiting and waking cost more than smaller grants are worth. */
const GRANT_SECONDS = 0.02;
const GRANT_BYTES_MIN = 4 * 1024;
const GRANT_BYTES_MAX = 64 * 1024;

interface Waiter {
  readonly bytes: number;
  readonly grant: () => void;
}

export class RateLimit {
  readonly #bytesPerSecond: number;
  readonly #clock: Clock;
  readonly #queue = new FairQueue<Waiter>();
  /** Granted at a time, at most. */
  readonly #grantBytes: number;
  readonly #burstBytes: number;
  #tokens: number;
  /** When the tokens were counted last. */
  #countedMs: number;
  #isServing = false;

  constructor(bytesPerSecond: number, clock: Clock) {
    if (!(bytesPerSecond >= 1)) {
      throw new RangeError(`Cannot limit a rate to ${bytesPerSecond} bytes per second`);
    }
    this.#bytesPerSecond = bytesPerSecond;
    this.#clock = clock;
    const grant = Math.ceil(bytesPerSecond * GRANT_SECONDS);
    this.#grantBytes = Math.min(GRANT_BYTES_MAX, Math.max(GRANT_BYTES_MIN, grant));
    this.#burstBytes = Math.max(this.#grantBytes, bytesPerSecond * BURST_SECONDS);
    this.#tokens = this.#burstBytes;
    this.#countedMs = clock.monotonicMs();
  }

  /** In any time, at most so many bytes more go than the rate says. */
  get burstBytes(): number {
    return this.#burstBytes;
  }

  /** A new holder; `leave()` ends it. */
  join(): RateShare {
    const line = this.#queue.join();
    return new RateShare({
      next: (kind, wantedBytes, signal) => this.#next(line, kind, wantedBytes, signal),
      giveBack: (bytes) => this.#tokens += bytes,
      leave: () => this.#queue.leave(line),
    });
  }

  #next(
    line: FairLine<Waiter>,
    kind: Kind,
    wantedBytes: number,
    signal: AbortSignal,
  ): number | Promise<number> {
    const bytes = Math.min(wantedBytes, this.#grantBytes);
    this.#count();
    if (!this.#isServing && this.#tokens >= bytes) {
      this.#tokens -= bytes;
      return bytes;
    }
    return this.#wait(line, kind, bytes, signal);
  }

  #wait(
    line: FairLine<Waiter>,
    kind: Kind,
    bytes: number,
    signal: AbortSignal,
  ): Promise<number> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        bytes,
        grant: () => {
          signal.removeEventListener("abort", onAbort);
          resolve(bytes);
        },
      };
      const onAbort = () => {
        line.remove(kind, waiter);
        reject(signal.reason);
      };
      if (signal.aborted) return reject(signal.reason);
      signal.addEventListener("abort", onAbort, { once: true });
      line.add(kind, waiter);
      if (!this.#isServing) void this.#serve();
    });
  }

  /** Runs while somebody waits. */
  async #serve(): Promise<void> {
    this.#isServing = true;
    for (;;) {
      this.#count();
      const missing = this.#grantBytes - this.#tokens;
      if (missing > 0) {
        await this.#clock.sleep(Math.ceil(1000 * missing / this.#bytesPerSecond));
        continue;
      }
      const waiter = this.#queue.next(() => true);
      if (waiter === undefined) break;
      this.#tokens -= waiter.bytes;
      waiter.grant();
    }
    this.#isServing = false;
  }

  #count(): void {
    const nowMs = this.#clock.monotonicMs();
    const more = (nowMs - this.#countedMs) * this.#bytesPerSecond / 1000;
    this.#countedMs = nowMs;
    // What was given back may be above the burst: it was counted before.
    this.#tokens = Math.max(this.#tokens, Math.min(this.#burstBytes, this.#tokens + more));
  }
}

interface Owner {
  readonly next: (
    kind: Kind,
    wantedBytes: number,
    signal: AbortSignal,
  ) => number | Promise<number>;
  readonly giveBack: (bytes: number) => void;
  readonly leave: () => void;
}

/** One holder's door to the limit. */
export class RateShare {
  readonly #owner: Owner;
  readonly #paces: Readonly<Record<Kind, Pace>>;

  constructor(owner: Owner) {
    this.#owner = owner;
    const pace = (kind: Kind): Pace => ({
      next: (wantedBytes, signal) => owner.next(kind, wantedBytes, signal),
      giveBack: owner.giveBack,
    });
    this.#paces = { small: pace("small"), bulk: pace("bulk") };
  }

  pace(kind: Kind): Pace {
    return this.#paces[kind];
  }

  /** Ends the holder's turns. */
  leave(): void {
    this.#owner.leave();
  }
}
