/**
 * The blocks of objects on disk, for all mounts together, kept over restarts.
 *
 * A block that came by GET is written in the background (disk_writer) into a file of its content's own
 * (disk_files), and then entered into the index (disk_index); room is made before (disk_room). Every
 * read is checked against the checksums of what was written: after a crash, index and files may be
 * apart by what happened last; a block that is wrong is dropped, and had from S3 again.
 *
 * Nothing here ever fails a read or a mount (disk_guard): a disk that cannot be used is as good as none.
 */
import { type Clock, nextTurn } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { FdFile } from "../../ffi/fd_file.ts";
import type { ObjectStore } from "../../s3/object_store.ts";
import { BLOCK_SIZE } from "../block.ts";
import type { BlockDisk, BlockToSave } from "../block_disk.ts";
import { DiskAdopter } from "./adopter.ts";
import { CHECK_BYTES, type Extent, extentNumber } from "./extent.ts";
import type { DiskFiles } from "./files.ts";
import { DiskFlusher } from "./flusher.ts";
import { DiskGuard } from "./guard.ts";
import type { DiskIndex } from "./index.ts";
import { DiskMembers } from "./members.ts";
import { DiskRoom } from "./room.ts";
import { DiskWriter } from "./writer.ts";
import type { ObjectSource } from "../object_source.ts";

/** Extents that go in one turn of the event loop: a few milliseconds. */
const CLEAR_STEP = 16;

/** Takes what is read only to have it in the kernel's cache. */
const IGNORED = new Uint8Array(2 ** 20);

/** What a mount brings. */
export interface DiskCacheUser {
  /** Names the bucket among all endpoints. */
  readonly bucket: string;
  /** What stands before the store's own keys in the bucket. */
  readonly prefix: string;
  /** In whose share its blocks count; the same over restarts. */
  readonly volume: string;
  /** The share, at most. */
  readonly shareBytes: number;
}

export interface DiskCacheParts {
  readonly index: DiskIndex;
  readonly files: DiskFiles;
  readonly limitBytes: number;
  readonly clock: Clock;
  readonly log: Logger;
}

export class DiskCache implements BlockDisk {
  readonly #index: DiskIndex;
  readonly #files: DiskFiles;
  readonly #room: DiskRoom;
  readonly #members = new DiskMembers();
  readonly #guard: DiskGuard;
  readonly #flusher: DiskFlusher;
  readonly #writer: DiskWriter;
  readonly #adopter: DiskAdopter;

  /** The directory of `files` must be there. Nothing is written before `startWrites`. */
  constructor({ index, files, limitBytes, clock, log }: DiskCacheParts) {
    this.#index = index;
    this.#files = files;
    this.#room = new DiskRoom(index, files, limitBytes);
    this.#guard = new DiskGuard(log);
    this.#flusher = new DiskFlusher(index, this.#guard, clock);
    const parts = {
      index,
      files,
      room: this.#room,
      members: this.#members,
      flusher: this.#flusher,
      guard: this.#guard,
      clock,
      log,
    };
    this.#writer = new DiskWriter(parts);
    this.#adopter = new DiskAdopter(parts);
  }

  startWrites(): void {
    this.#writer.start();
  }

  /** From now on this store's objects are cached. */
  addUser(store: ObjectStore, { bucket, prefix, volume, shareBytes }: DiskCacheUser): void {
    this.#guard.run(undefined, () => {
      const number = this.#index.volume(volume);
      this.#room.setShare(number, shareBytes);
      this.#members.add(store, { bucket, prefix, volume: number });
    });
  }

  /** Another limit of all that is cached, from now on. */
  setLimit(bytes: number): void {
    this.#guard.run(undefined, () => this.#room.setLimit(bytes));
    this.#flusher.soon();
  }

  /** Another share of one volume, from now on. */
  setShare(volume: string, bytes: number): void {
    this.#guard.run(undefined, () => this.#room.setShare(this.#index.volume(volume), bytes));
    this.#flusher.soon();
  }

  /** Of one volume, whoever uses it now, or of all. */
  usedBytes(volume?: string): number {
    return this.#room.usedBytes(this.#numberOf(volume));
  }

  /** What one volume, or all, can have at most. */
  limitBytes(volume?: string): number {
    return this.#room.limitBytes(this.#numberOf(volume));
  }

  roomFor({ store }: ObjectSource): number {
    const member = this.#members.of(store);
    return this.#writer.isOn && member !== undefined ? this.#room.limitBytes(member.volume) : 0;
  }

  has(source: ObjectSource, index: number): boolean {
    return this.#guard.run(false, () => this.#extent(source, index)?.has(index) === true);
  }

  readNow(
    source: ObjectSource,
    offset: number,
    end: number,
    lend: (bytes: number) => Uint8Array<ArrayBuffer> | undefined,
  ): Uint8Array | undefined {
    return this.#guard.run<Uint8Array | undefined>(undefined, () => {
      const index = Math.floor(offset / BLOCK_SIZE);
      const extent = this.#extent(source, index);
      if (extent?.has(index) !== true) return undefined;
      const start = Math.floor(offset / CHECK_BYTES) * CHECK_BYTES;
      const stop = Math.min(Math.ceil(end / CHECK_BYTES) * CHECK_BYTES, source.size);
      const file = this.#files.open(extent.content);
      const bytes = file === undefined ? undefined : lend(stop - start);
      if (bytes === undefined || file?.preadNow(bytes, start) !== true) return undefined;
      // What is wrong is dropped by `read`, which is asked next.
      if (!extent.isRight(bytes, start)) return undefined;
      this.#used(extent);
      return bytes.subarray(offset - start, end - start);
    });
  }

  async warm(source: ObjectSource, offset: number, end: number): Promise<void> {
    const file = this.#fileOf(source);
    if (file === undefined) return;
    const start = Math.floor(offset / CHECK_BYTES) * CHECK_BYTES;
    const stop = Math.min(Math.ceil(end / CHECK_BYTES) * CHECK_BYTES, source.size);
    const reads: Promise<number>[] = [];
    for (let at = start; at < stop; at += IGNORED.length) {
      reads.push(file.preadElsewhere(IGNORED.subarray(0, Math.min(stop - at, IGNORED.length)), at));
    }
    await Promise.all(reads);
  }

  willNeed(source: ObjectSource, index: number, count: number): void {
    this.#fileOf(source)?.willNeed(index * BLOCK_SIZE, count * BLOCK_SIZE);
  }

  async read(
    source: ObjectSource,
    index: number,
    target: Uint8Array<ArrayBuffer>,
  ): Promise<boolean> {
    const extent = this.#guard.run(undefined, () => this.#extent(source, index));
    if (extent?.has(index) !== true) return false;
    const { content, number } = extent;
    const file = this.#files.open(content);
    if (file === undefined) {
      this.#guard.run(undefined, () => this.#room.forgetContent(content));
      return false;
    }
    const offset = index * BLOCK_SIZE;
    const got = await file.preadElsewhere(target, offset);
    return this.#guard.run(false, () => {
      const right = got === target.length && extent.isRight(target, offset);
      // As it is now: the block may have been evicted meanwhile.
      const now = this.#index.get(content, number);
      if (right) this.#used(now);
      else this.#room.evictBlock(now, index, target.length);
      return right;
    });
  }

  save(source: ObjectSource, index: number, block: BlockToSave): void {
    if (this.#members.of(source.store) === undefined) block.end();
    else this.#writer.save(source, index, block);
  }

  adopt(source: ObjectSource, path: string): boolean {
    return this.#writer.isOn && this.#adopter.adopt(source, path);
  }

  /** Gives about so many bytes back to the disk, or all; returns how many. */
  shrink(bytes: number): number {
    const freed = this.#guard.run(0, () => this.#room.shrink(bytes));
    this.#flusher.soon();
    return freed;
  }

  /** Drops all that one volume, or everybody, has on disk; resolves with the bytes freed. */
  async clear(volume?: string): Promise<number> {
    const number = this.#numberOf(volume);
    const before = this.#room.usedBytes(number);
    while (this.#guard.run(false, () => this.#evictSome(number))) await nextTurn();
    this.#flusher.soon();
    return before - this.#room.usedBytes(number);
  }

  /** What the index is worth after the end: it is as the files are, or not quite, or of no use. */
  async close(): Promise<"whole" | "behind" | "broken"> {
    await Promise.all([this.#writer.stop(), this.#adopter.stop()]);
    this.#flusher.stop();
    const whole = this.#guard.run(false, () => this.#index.close());
    this.#files.close();
    return this.#guard.isBroken ? "broken" : whole ? "whole" : "behind";
  }

  #numberOf(volume: string | undefined): number | undefined {
    return volume === undefined
      ? undefined
      : this.#guard.run<number | undefined>(undefined, () => this.#index.volume(volume));
  }

  /** False when all are gone. */
  #evictSome(volume: number | undefined): boolean {
    for (let i = 0; i < CLEAR_STEP; i++) if (!this.#room.evictOldest(volume)) return false;
    return true;
  }

  #extent(source: ObjectSource, index: number): Extent | undefined {
    const content = this.#members.idOf(source);
    return content === undefined ? undefined : this.#index.get(content, extentNumber(index));
  }

  #fileOf(source: ObjectSource): FdFile | undefined {
    const content = this.#members.idOf(source);
    return content === undefined ? undefined : this.#files.open(content);
  }

  #used(extent: Extent): void {
    this.#index.use(extent);
    this.#flusher.soon();
  }
}
