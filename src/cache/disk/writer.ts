/**
 * Writes blocks to the disk cache, in the background. What waits is no more than a list of blocks that
 * are in memory anyway, and those that leave memory meanwhile are passed over. Neighbours are written
 * by one call: each call on another thread costs this one some time and a turn of the event loop.
 *
 * A content of one block is a file to be made, which can take the system longer than the request did: it
 * waits until no more of its kind come, and they are written one at a time.
 */
import { type Clock, Deadline } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import { untilAborted } from "../../base/until_aborted.ts";
import { SystemError } from "../../ffi/system_error.ts";
import { BLOCK_SIZE } from "../block.ts";
import type { BlockToSave } from "../block_disk.ts";
import { diskBytes, extentNumber } from "./extent.ts";
import type { DiskFiles } from "./files.ts";
import type { DiskFlusher } from "./flusher.ts";
import type { DiskGuard } from "./guard.ts";
import type { DiskIndex } from "./index.ts";
import type { DiskMembers } from "./members.ts";
import type { DiskRoom } from "./room.ts";
import type { ObjectSource } from "../object_source.ts";

/** Writes at a time: what they write, 4 MiB together, cannot be given back meanwhile. */
const WRITES_MAX = 8;
/** 512 KiB. From 1 MiB on ext4 (Linux 6.18) takes three to six times as long per byte. */
const WRITE_BLOCKS = 2;
/** Blocks that wait; more are not taken. */
const QUEUE_MAX = 4096;
/** Small contents are written when none has come for so long, and at the latest after that. */
const QUIET_MS = 200;
const LATE_MS = 4000;
/** Given back when the disk is full in spite of the floor, for others fill it too. */
const FULL_DISK_SHRINK_BYTES = 16 * 2 ** 20;
/** How long an end waits for what is in memory and could be on disk. */
const LAST_WRITES_MS = 2000;

export interface DiskWriterParts {
  readonly index: DiskIndex;
  readonly files: DiskFiles;
  readonly room: DiskRoom;
  readonly members: DiskMembers;
  readonly flusher: DiskFlusher;
  readonly guard: DiskGuard;
  readonly clock: Clock;
  readonly log: Logger;
}

interface Job {
  readonly source: ObjectSource;
  readonly index: number;
  readonly block: BlockToSave;
}

/** A job that waits. */
interface LateJob extends Job {
  readonly sinceMs: number;
}

/** A block that is being written, with its room reserved. */
interface Writing {
  readonly index: number;
  readonly data: Uint8Array<ArrayBuffer>;
}

export class DiskWriter {
  readonly #parts: DiskWriterParts;
  /** By content and index, in the order of arrival. */
  readonly #queue = new Map<string, Job>();
  readonly #writes = new Set<Promise<void>>();
  /** Small contents; as `#queue`. */
  readonly #later = new Map<string, LateJob>();
  #writingLater: Promise<void> | undefined;
  #lastSmallMs = 0;
  readonly #stopping = new AbortController();
  #on = false;

  constructor(parts: DiskWriterParts) {
    this.#parts = parts;
  }

  /** False before `start`, and after `stop` or a failure of the disk. */
  get isOn(): boolean {
    return this.#on && !this.#parts.guard.isBroken;
  }

  start(): void {
    this.#on = true;
  }

  /** Resolves when no write is under way, nor will be: what waits is written if that is soon done. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error("The disk cache is closed"));
    using deadline = new Deadline(new AbortController().signal, LAST_WRITES_MS);
    await untilAborted(this.#idle(), deadline.signal).catch(() => {});
    this.#on = false;
    for (const { block } of this.#queue.values()) block.end();
    this.#queue.clear();
    await this.#idle();
  }

  save(source: ObjectSource, index: number, block: BlockToSave): void {
    if (!this.isOn || this.#queue.size + this.#later.size >= QUEUE_MAX) return block.end();
    if (source.size <= BLOCK_SIZE) return this.#saveLater({ source, index, block });
    const key = keyOf(source, index);
    // Fetched again because it has left memory: the earlier one has no bytes any more.
    this.#queue.get(key)?.block.end();
    this.#queue.set(key, { source, index, block });
    if (this.#writes.size < WRITES_MAX) this.#startWrite();
  }

  async #idle(): Promise<void> {
    while (this.#writes.size > 0) await Promise.all(this.#writes);
    await this.#writingLater;
  }

  #saveLater(job: Job): void {
    const { source, index } = job;
    const key = keyOf(source, index);
    this.#later.get(key)?.block.end();
    this.#lastSmallMs = this.#parts.clock.monotonicMs();
    this.#later.set(key, { ...job, sinceMs: this.#lastSmallMs });
    this.#writingLater ??= this.#writeLater().finally(() => this.#writingLater = undefined);
  }

  /** Never rejects. */
  async #writeLater(): Promise<void> {
    const { clock } = this.#parts;
    const { signal } = this.#stopping;
    for (;;) {
      const [next] = this.#later;
      if (next === undefined) return;
      const [key, job] = next;
      const dueMs = Math.min(this.#lastSmallMs + QUIET_MS, job.sinceMs + LATE_MS);
      const leftMs = dueMs - clock.monotonicMs();
      if (leftMs > 0 && !signal.aborted) {
        await clock.sleep(leftMs, signal).catch(() => {}); // stopping: at once
        continue;
      }
      this.#later.delete(key);
      await this.#write([job]);
      job.block.end();
    }
  }

  #startWrite(): void {
    const jobs = this.#nextJobs();
    if (jobs.length === 0) return;
    const write = this.#write(jobs).finally(() => {
      for (const { block } of jobs) block.end();
      this.#writes.delete(write);
      this.#startWrite();
    });
    this.#writes.add(write);
  }

  /** The block that waits longest, and those that follow it in its extent as far as they wait too. */
  #nextJobs(): Job[] {
    const jobs: Job[] = [];
    let next = this.#queue.values().next().value;
    while (next !== undefined && jobs.length < WRITE_BLOCKS) {
      jobs.push(next);
      const { source, index } = next;
      this.#queue.delete(keyOf(source, index));
      next = extentNumber(index + 1) === extentNumber(index)
        ? this.#queue.get(keyOf(source, index + 1))
        : undefined;
    }
    return jobs;
  }

  /** Never rejects. */
  async #write(jobs: readonly Job[]): Promise<void> {
    const { source } = jobs[0]!;
    const content = this.#parts.members.idOf(source);
    if (content === undefined || !this.isOn) return;
    const number = extentNumber(jobs[0]!.index);
    // Of who came first, in whose share the rest of the extent counts.
    const volume = this.#parts.guard.run(undefined, () => {
      const extent = this.#parts.index.get(content, number);
      return extent.isEmpty ? this.#parts.members.of(source.store)?.volume : extent.volume;
    });
    if (volume === undefined) return;
    let run: Writing[] = [];
    for (const { index, block } of jobs) {
      const data = this.#reserve(content, index, block, volume);
      if (data !== undefined) run.push({ index, data });
      else if (run.length > 0) {
        await this.#writeRun(content, run, volume);
        run = [];
      }
    }
    if (run.length > 0) await this.#writeRun(content, run, volume);
  }

  /** Undefined when the block is not to be written, or there is no room. */
  #reserve(
    content: string,
    index: number,
    block: BlockToSave,
    volume: number,
  ): Uint8Array<ArrayBuffer> | undefined {
    const { room, guard } = this.#parts;
    if (this.#has(content, index)) return undefined;
    const data = block.begin();
    if (data === undefined) return undefined;
    const taken = guard.run(false, () => room.take(diskBytes(data.byteLength), volume));
    return taken ? data : undefined;
  }

  /** Neighbouring blocks of one extent. */
  async #writeRun(content: string, run: readonly Writing[], volume: number): Promise<void> {
    const { files, index: diskIndex, flusher, guard } = this.#parts;
    let written = false;
    try {
      await files.write(content, run.map(({ data }) => data), run[0]!.index * BLOCK_SIZE);
      written = true;
    } catch (error) {
      this.#failed(error);
    }
    for (const { index, data } of run) {
      const enter = () => diskIndex.enter(content, index, data, volume);
      if (!written || !guard.run(false, enter)) {
        this.#discard(content, index, data.byteLength, volume);
      }
    }
    flusher.soon();
  }

  #discard(content: string, index: number, size: number, volume: number): void {
    const { files, room, guard } = this.#parts;
    room.give(diskBytes(size), volume);
    // Unless another writer of the same content was faster, nobody knows these bytes.
    if (this.#has(content, index)) return;
    guard.run(true, () => files.free(content, index * BLOCK_SIZE, size));
  }

  #has(content: string, index: number): boolean {
    const { index: diskIndex, guard } = this.#parts;
    return guard.run(false, () => diskIndex.has(content, index));
  }

  /** A full disk comes and goes; another failure is for good. */
  #failed(error: unknown): void {
    const { room, guard, log } = this.#parts;
    if (error instanceof SystemError && ["ENOSPC", "EDQUOT"].includes(error.errno)) {
      log.debug("The disk of the cache is full: {error}", { error });
      guard.run(0, () => room.shrink(FULL_DISK_SHRINK_BYTES));
    } else guard.fail(error);
  }
}

function keyOf(source: ObjectSource, index: number): string {
  return `${source.id}:${index}`;
}
