/**
 * How much may be fetched ahead of each of those who read in sequence now: they share a half of the
 * memory, so that what is fetched for one does not push out what another one is about to read.
 */
import type { Clock } from "../base/clock.ts";

const MIB = 2 ** 20;
/** Sixteen GETs of 8 MiB side by side: a far connection gives a part of the bandwidth only. */
const WINDOW_MAX = 128 * MIB;
/** Who has not read for so long does not count. */
const IDLE_MS = 5000;

export class WindowShares {
  readonly #clock: Clock;
  readonly #memory: { readonly limitBytes: number };
  /** Who reads, and when last (monotonic); the one idle for longest first. */
  readonly #active = new Map<object, number>();

  /** `memory.limitBytes` is all that there is for blocks; it may change. */
  constructor(clock: Clock, memory: { readonly limitBytes: number }) {
    this.#clock = clock;
    this.#memory = memory;
  }

  /** `stream` reads now; how many bytes may be fetched ahead of it. */
  windowFor(stream: object): number {
    const now = this.#clock.monotonicMs();
    this.#active.delete(stream);
    this.#active.set(stream, now);
    for (const [other, lastMs] of this.#active) {
      if (now - lastMs <= IDLE_MS) break;
      this.#active.delete(other);
    }
    return Math.min(WINDOW_MAX, this.#memory.limitBytes / 2 / this.#active.size);
  }

  /** `stream` reads no more. */
  leave(stream: object): void {
    this.#active.delete(stream);
  }
}
