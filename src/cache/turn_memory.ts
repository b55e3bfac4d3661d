/**
 * Memory for what is used within one turn of the event loop, as a reply is that the kernel takes at
 * once. Then it is there for the next turn: the same few buffers, which stay in the processor's caches.
 */
import { giveWay } from "../base/clock.ts";
import type { MemoryBudget, Reservation } from "../base/memory_budget.ts";
import type { Slabs } from "./slabs.ts";

/** Kept at least while nobody needs memory: 1 MiB, the largest read. */
const KEPT_MIN = 4;
/** And at most, where many are answered in a turn. */
const KEPT_MAX = 64;

interface Chunk {
  readonly memory: Uint8Array<ArrayBuffer>;
  readonly reservation: Reservation;
  used: number;
}

export class TurnMemory {
  readonly #budget: MemoryBudget;
  readonly #slabs: Slabs;
  #lent: Chunk[] = [];
  #idle: Chunk[] = [];
  /** As many as a turn has taken lately. */
  #kept = KEPT_MIN;

  /** Its chunks are pieces of `slabs`. */
  constructor(budget: MemoryBudget, slabs: Slabs) {
    this.#budget = budget;
    this.#slabs = slabs;
    budget.addReclaimer(() => this.#free(this.#idle.splice(0)));
  }

  /** `bytes`, at most a piece of the slabs, of any content; undefined when there is no memory. */
  lend(bytes: number): Uint8Array<ArrayBuffer> | undefined {
    let chunk = this.#lent.at(-1);
    if (chunk === undefined || chunk.used + bytes > this.#slabs.pieceBytes) {
      chunk = this.#idle.pop() ?? this.#newChunk();
      if (chunk === undefined) return undefined;
      this.#lent.push(chunk);
      if (this.#lent.length === 1) void giveWay().then(() => this.#takeBack());
    }
    const piece = chunk.memory.subarray(chunk.used, chunk.used + bytes);
    chunk.used += bytes;
    return piece;
  }

  #newChunk(): Chunk | undefined {
    const reservation = this.#budget.tryReserve(this.#slabs.pieceBytes);
    if (reservation === undefined) return undefined;
    return { memory: this.#slabs.take(), reservation, used: 0 };
  }

  #takeBack(): void {
    this.#kept = Math.min(KEPT_MAX, Math.max(KEPT_MIN, this.#kept - 1, this.#lent.length));
    for (const chunk of this.#lent) chunk.used = 0;
    this.#idle.push(...this.#lent.reverse());
    this.#lent = [];
    this.#free(this.#idle.splice(0, this.#idle.length - this.#kept));
    this.#budget.serveWaiters();
  }

  #free(chunks: readonly Chunk[]): void {
    for (const { memory, reservation } of chunks) {
      this.#slabs.give(memory);
      reservation.release();
    }
  }
}
