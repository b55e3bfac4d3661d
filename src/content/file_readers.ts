/** Where readers of files come from: what all of them share is kept here. One for each block cache. */
import type { Clock } from "../base/clock.ts";
import type { BlockCache } from "../cache/block_cache.ts";
import { BackgroundFill } from "./background_fill.ts";
import { FileReader, type ReaderContext } from "./file_reader.ts";
import { GatheredMisses } from "./gathered_misses.ts";
import { RandomBlocks } from "./random_blocks.ts";
import { WindowShares } from "./window_shares.ts";

export class FileReaders {
  readonly #context: ReaderContext;

  constructor(cache: BlockCache, clock: Clock) {
    this.#context = {
      cache,
      clock,
      shares: new WindowShares(clock, cache),
      misses: new GatheredMisses(cache),
      random: new RandomBlocks(cache),
      fill: new BackgroundFill(cache, clock),
    };
  }

  /** A reader for one open file; `close` it. */
  open(): FileReader {
    return new FileReader(this.#context);
  }
}
