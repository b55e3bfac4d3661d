/**
 * Takes over files whose whole content is known, as those that were just uploaded: what was written here
 * is read again without a request. Such a file is moved into the cache at once; its blocks are entered
 * one by one, when their checksums are made.
 */
import { Deadline } from "../../base/clock.ts";
import { untilAborted } from "../../base/until_aborted.ts";
import { BLOCK_SIZE, blockBytes, blockCount } from "../block.ts";
import { diskBytes } from "./extent.ts";
import type { DiskWriterParts } from "./writer.ts";
import type { ObjectSource } from "../object_source.ts";

/** One large file must not drive everything else out. */
const SHARE_MAX = 1 / 4;
/** Files that wait for their checksums. */
const WAITING_MAX = 1024;

/** How long an end waits. */
const LAST_WORK_MS = 2000;

/** A file that was moved here, with its room reserved. */
interface Adopted {
  readonly content: string;
  readonly source: ObjectSource;
  readonly volume: number;
}

export class DiskAdopter {
  readonly #parts: DiskWriterParts;
  readonly #waiting: Adopted[] = [];
  #work: Promise<void> | undefined;
  #stopped = false;

  constructor(parts: DiskWriterParts) {
    this.#parts = parts;
  }

  /** Moves the file at `path`, which has the content of `source`, here; false when it stays there. */
  adopt(source: ObjectSource, path: string): boolean {
    const { members, room, files, guard } = this.#parts;
    const content = members.idOf(source);
    const volume = members.of(source.store)?.volume;
    if (content === undefined || volume === undefined || this.#stopped) return false;
    if (source.size === 0 || this.#waiting.length >= WAITING_MAX) return false;
    return guard.run(false, () => {
      if (source.size > SHARE_MAX * room.limitBytes(volume)) return false;
      if (files.open(content) !== undefined) return false;
      const bytes = diskBytes(source.size);
      if (!room.take(bytes, volume)) return false;
      if (!files.adopt(content, path, source.size)) {
        room.give(bytes, volume);
        return false;
      }
      this.#waiting.push({ content, source, volume });
      this.#work ??= this.#enterAll().finally(() => this.#work = undefined);
      return true;
    });
  }

  /** Resolves when nothing is under way; what was not entered soon enough is given back to the disk. */
  async stop(): Promise<void> {
    using deadline = new Deadline(new AbortController().signal, LAST_WORK_MS);
    if (this.#work !== undefined) await untilAborted(this.#work, deadline.signal).catch(() => {});
    this.#stopped = true;
    await this.#work;
  }

  /** Never rejects. */
  async #enterAll(): Promise<void> {
    const buffer = new Uint8Array(BLOCK_SIZE);
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      const count = blockCount(next.source.size);
      for (let index = 0; index < count; index++) await this.#enter(next, index, buffer);
      this.#parts.files.release(next.content);
    }
  }

  async #enter(
    { content, source, volume }: Adopted,
    index: number,
    buffer: Uint8Array<ArrayBuffer>,
  ): Promise<void> {
    const { files, index: diskIndex, room, flusher, guard } = this.#parts;
    const block = buffer.subarray(0, blockBytes(source, index));
    const offset = index * BLOCK_SIZE;
    const got = this.#stopped ? 0 : await files.open(content)?.preadElsewhere(block, offset);
    guard.run(undefined, () => {
      if (got === block.length && diskIndex.enter(content, index, block, volume)) {
        return flusher.soon();
      }
      room.give(diskBytes(block.length), volume);
      // Unless it was fetched and entered meanwhile, nobody knows these bytes.
      if (!diskIndex.has(content, index)) files.free(content, offset, block.length);
    });
  }
}
