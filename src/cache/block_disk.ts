/** What the blocks in memory want of the disk behind them. No method ever fails for the disk's sake. */
import type { ObjectSource } from "./object_source.ts";

export interface BlockDisk {
  /** Whether the block is on disk, as far as is known. */
  has(source: ObjectSource, index: number): boolean;
  /**
   * Bytes `offset` to `end`, which lie in one block, in memory that `lend` gives; undefined when they
   * are not on disk, or not to be had without waiting for it.
   */
  readNow(
    source: ObjectSource,
    offset: number,
    end: number,
    lend: (bytes: number) => Uint8Array<ArrayBuffer> | undefined,
  ): Uint8Array | undefined;
  /** Resolves when `readNow` need not wait for the range any more, as far as it is on disk. Never rejects. */
  warm(source: ObjectSource, offset: number, end: number): Promise<void>;
  /** Prepares that `count` blocks from `index` on, which are on disk, will be read soon. */
  willNeed(source: ObjectSource, index: number, count: number): void;
  /** Fills `target` with a whole block; false when it is not on disk after all. Never rejects. */
  read(source: ObjectSource, index: number, target: Uint8Array<ArrayBuffer>): Promise<boolean>;
  /** Has the block written in the background, sooner or later or never. */
  save(source: ObjectSource, index: number, block: BlockToSave): void;
  /** Takes the file at `path`, which has exactly this content, for its own; false when it stays there. */
  adopt(source: ObjectSource, path: string): boolean;
  /** How many bytes of this store's objects can be on disk at a time. */
  roomFor(source: ObjectSource): number;
}

/** A block in memory that is to be written. */
export interface BlockToSave {
  /** The bytes, not to be changed before `end`; undefined when they are gone already. */
  begin(): Uint8Array<ArrayBuffer> | undefined;
  /** Called once in any case: it was written, or will not be. */
  end(): void;
}
