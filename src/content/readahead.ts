/**
 * What to fetch before it is asked for, for one open file.
 *
 * Each read either goes on with a series of reads seen before (sequential_stream.ts, strided_stream.ts),
 * or begins one together with earlier reads (two that touch, three at equal steps; the first read at
 * the start of the file begins one by itself), or counts as random and is remembered for a while.
 *
 * A program that seeks wants nothing more of where it was: what is under way for it is cancelled. Unless
 * series were seen to alternate; then one is over when the others have gone on without it for long.
 */
import { BLOCK_SIZE } from "../cache/block.ts";
import type { ObjectSource } from "../cache/object_source.ts";
import type { ReadStream } from "./read_stream.ts";
import { SequentialStream, type StreamContext } from "./sequential_stream.ts";
import { StridedStream } from "./strided_stream.ts";

/** Series kept for one open file. */
const STREAMS_MAX = 8;
/** Reads remembered that belong to none. */
const STRAYS_MAX = 8;
/** A series is over when so many reads of the file were not of it. */
const OTHER_READS_MAX = 32;
/** With steps up to this, most blocks are read anyway. */
const DENSE_STEP_MAX = 2 * BLOCK_SIZE;

interface Read {
  readonly offset: number;
  readonly end: number;
}

interface Series {
  readonly stream: ReadStream;
  /** Reads of the file there had been when it last went on. */
  lastRead: number;
}

export class Readahead {
  readonly #context: StreamContext;
  /** The content that the fields below are about. */
  #sourceId: number | undefined;
  /** The one that went on last first. */
  #series: Series[] = [];
  /** The latest first. */
  #strays: Read[] = [];
  #reads = 0;
  #alternates = false;

  constructor(context: StreamContext) {
    this.#context = context;
  }

  /**
   * Notes a read and starts the fetches that it suggests; to be called before the blocks are read.
   * Tells whether it was expected.
   */
  onRead(source: ObjectSource, offset: number, size: number): "in a series" | "random" {
    if (source.id !== this.#sourceId) this.#reset(source.id);
    const end = Math.min(offset + size, source.size);
    this.#reads++;
    const series = this.#goingOn(offset, end) ?? this.#beginning(offset, end);
    if (series === undefined) {
      this.#stray({ offset, end });
      return "random";
    }
    series.lastRead = this.#reads;
    series.stream.advance(source, offset, end);
    return "in a series";
  }

  /** Cancels what is under way. */
  close(): void {
    for (const { stream } of this.#series) stream.cancel();
  }

  #goingOn(offset: number, end: number): Series | undefined {
    const index = this.#series.findIndex(({ stream }) => stream.continues(offset, end));
    const series = this.#series[index];
    // The latest one goes on, or the one before it does after a stray read.
    if (series === undefined) return undefined;
    if (series.lastRead !== this.#reads - 1) this.#alternates = true;
    if (index > 0) {
      this.#series.splice(index, 1);
      this.#series.unshift(series);
      this.#endForgotten();
    }
    return series;
  }

  /** The series that a read begins, with earlier ones or alone. */
  #beginning(offset: number, end: number): Series | undefined {
    if (offset === 0 && this.#reads === 1) {
      return this.#add(new SequentialStream(this.#context, "forward", 0, 0));
    }
    const touched = this.#strays.findIndex((read) => read.end === offset || read.offset === end);
    if (touched >= 0) {
      const [read] = this.#strays.splice(touched, 1) as [Read];
      const run = read.end - read.offset;
      const direction = read.end === offset ? "forward" : "backward";
      const next = direction === "forward" ? read.end : read.offset;
      return this.#add(new SequentialStream(this.#context, direction, next, run));
    }
    return this.#beginningAtSteps(offset, end);
  }

  #beginningAtSteps(offset: number, end: number): Series | undefined {
    for (const [index, later] of this.#strays.entries()) {
      const step = offset - later.offset;
      // The same place again and again, as of a header, leads nowhere.
      if (step === 0) continue;
      const earlier = this.#strays.findIndex((read, at) =>
        at > index && read.offset === later.offset - step && read.end === later.end - step
      );
      if (earlier < 0 || end - offset !== later.end - later.offset) continue;
      if (Math.abs(step) > DENSE_STEP_MAX) {
        // Several parts of a file read side by side begin like this too: each may still become a series.
        this.#remember({ offset, end });
        return this.#add(new StridedStream(this.#context, step, offset));
      }
      const direction = step > 0 ? "forward" : "backward";
      const next = step > 0 ? offset : end;
      return this.#add(new SequentialStream(this.#context, direction, next, 2 * Math.abs(step)));
    }
    return undefined;
  }

  #add(stream: ReadStream): Series {
    if (this.#series.length >= STREAMS_MAX) this.#series.pop()?.stream.cancel();
    const series = { stream, lastRead: this.#reads };
    this.#series.unshift(series);
    return series;
  }

  #remember(read: Read): void {
    this.#strays.unshift(read);
    if (this.#strays.length > STRAYS_MAX) this.#strays.pop();
  }

  #stray(read: Read): void {
    this.#remember(read);
    if (this.#alternates) this.#endForgotten();
    else for (const { stream } of this.#series) stream.cancel();
  }

  #endForgotten(): void {
    for (const { stream, lastRead } of this.#series) {
      if (this.#reads - lastRead > OTHER_READS_MAX) stream.cancel();
    }
  }

  #reset(sourceId: number): void {
    this.close();
    this.#sourceId = sourceId;
    this.#series = [];
    this.#strays = [];
    this.#reads = 0;
    this.#alternates = false;
  }
}
