/** A store in memory that notes the ranges of all GETs. */
import type { ByteRange } from "../../src/base/byte_range.ts";
import { nextSourceId, type ObjectSource } from "../../src/cache/object_source.ts";
import type { GetOptions, ObjectBody } from "../../src/s3/object_store.ts";
import { MemoryStore } from "../../src/s3/stores/memory.ts";

const never = new AbortController().signal;

export class RecordingStore extends MemoryStore {
  readonly ranges: ByteRange[] = [];

  override get(key: string, options: GetOptions, signal: AbortSignal): Promise<ObjectBody> {
    this.ranges.push(options.range!);
    return super.get(key, options, signal);
  }

  /** All bytes that were asked for. */
  get bytes(): number {
    return this.ranges.reduce((sum, { start, end }) => sum + end - start, 0);
  }

  /** An object of so many zeros. */
  async source(size: number, key = "key"): Promise<ObjectSource> {
    const { etag } = await this.put(key, new Uint8Array(size), {}, never);
    return { store: this, id: nextSourceId(), key, etag, size };
  }
}
