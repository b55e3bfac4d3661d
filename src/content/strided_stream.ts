/**
 * Reads at equal steps, as of one column of a table: the next ones are fetched, each by a GET of its
 * own, the more the longer it has gone on.
 */
import { BLOCK_SIZE } from "../cache/block.ts";
import type { ObjectSource } from "../cache/object_source.ts";
import { Prefetches, type ReadStream } from "./read_stream.ts";
import type { StreamContext } from "./sequential_stream.ts";

/** Reads ahead at most. */
const AHEAD_MAX = 16;
/** Reads sent in parallel arrive a little out of order. */
const REORDER_MAX = 4;

export class StridedStream implements ReadStream {
  readonly #context: StreamContext;
  readonly #prefetches: Prefetches;
  /** Bytes from one read to the next; negative when they go backwards. */
  readonly #step: number;
  /** Where the next read is expected. */
  #next: number;
  /** Up to this read, counted from the next one, everything was asked for. */
  #fetchedAhead = 0;
  #hits = 0;

  constructor(context: StreamContext, step: number, next: number) {
    this.#context = context;
    this.#prefetches = new Prefetches(context.cache);
    this.#step = step;
    this.#next = next;
  }

  continues(offset: number): boolean {
    const steps = (offset - this.#next) / this.#step;
    return Number.isInteger(steps) && Math.abs(steps) <= REORDER_MAX;
  }

  advance(source: ObjectSource, offset: number, end: number): void {
    this.#hits++;
    const passed = Math.max(0, (offset - this.#next) / this.#step + 1);
    this.#next += passed * this.#step;
    this.#fetchedAhead = Math.max(0, this.#fetchedAhead - passed);
    const share = this.#context.shares.windowFor(this);
    const size = end - offset;
    // What is read now is asked for first.
    if (!this.#fetch(source, offset, size)) return;
    const ahead = Math.min(this.#hits, AHEAD_MAX, Math.floor(share / (size + 2 * BLOCK_SIZE)));
    for (; this.#fetchedAhead < ahead; this.#fetchedAhead++) {
      const start = this.#next + this.#fetchedAhead * this.#step;
      if (start < 0 || start >= source.size) return;
      if (!this.#fetch(source, start, size)) return;
    }
  }

  cancel(): void {
    this.#prefetches.cancel();
    this.#context.shares.leave(this);
    this.#fetchedAhead = 0;
  }

  /** False when memory is short. */
  #fetch(source: ObjectSource, offset: number, size: number): boolean {
    const first = Math.floor(offset / BLOCK_SIZE);
    const last = Math.ceil(Math.min(offset + size, source.size) / BLOCK_SIZE);
    return this.#prefetches.start(source, first, last - first);
  }
}
