/** A bucket in memory whose answers take a while: what else happens meanwhile comes in between. */
import { MemoryStore, type MemoryStoreOptions } from "../../src/s3/stores/memory.ts";
import type {
  CopyOptions,
  CopySource,
  DeleteFailure,
  GetOptions,
  ListOptions,
  ListPage,
  ObjectBody,
  ObjectInfo,
  PutOptions,
  PutResult,
} from "../../src/s3/object_store.ts";
import { SeededRandom } from "../support/seeded_random.ts";

/** Turns of the microtask queue: no time passes, so that thousands of operations stay fast. */
const TURNS_MAX = 60;

export class SlowStore extends MemoryStore {
  readonly #random: SeededRandom;
  /** Often few: then what a listing tells comes in several pages, and changes come in between. */
  readonly #pageMax: number;

  /** With the same seed, and the same calls, things come in the same order again. */
  constructor(seed: number, options: MemoryStoreOptions) {
    super({ ...options, hook: () => this.#wait() });
    this.#random = new SeededRandom(seed);
    this.#pageMax = this.#random.below(2) === 0 ? 1000 : 1 + this.#random.below(5);
  }

  override async list(options: ListOptions, signal: AbortSignal): Promise<ListPage> {
    return await this.#later(super.list({ maxKeys: this.#pageMax, ...options }, signal));
  }

  override async head(key: string, signal: AbortSignal): Promise<ObjectInfo> {
    return await this.#later(super.head(key, signal));
  }

  override async get(key: string, options: GetOptions, signal: AbortSignal): Promise<ObjectBody> {
    return await this.#later(super.get(key, options, signal));
  }

  override async put(
    key: string,
    body: Uint8Array<ArrayBuffer>,
    options: PutOptions,
    signal: AbortSignal,
  ): Promise<PutResult> {
    return await this.#later(super.put(key, body, options, signal));
  }

  override async copy(
    source: CopySource,
    key: string,
    options: CopyOptions,
    signal: AbortSignal,
  ): Promise<PutResult> {
    return await this.#later(super.copy(source, key, options, signal));
  }

  override async delete(key: string, signal: AbortSignal): Promise<void> {
    await this.#later(super.delete(key, signal));
  }

  override async deleteMany(
    keys: readonly string[],
    signal: AbortSignal,
  ): Promise<DeleteFailure[]> {
    return await this.#later(super.deleteMany(keys, signal));
  }

  /** The work is done, its answer is on the way. */
  async #later<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } finally {
      await this.#wait();
    }
  }

  async #wait(): Promise<void> {
    for (let turns = this.#random.below(TURNS_MAX); turns > 0; turns--) await Promise.resolve();
  }
}
