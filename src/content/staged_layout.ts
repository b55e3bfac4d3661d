import type { ByteRange } from "../base/byte_range.ts";

/** What of a staging file is not in the local file itself: with it, the content can be found again. */
export interface StagedLayout {
  /** In bytes. */
  readonly size: number;
  /** Bytes below this that are not present are the base's. */
  readonly baseSize: number;
  readonly present: readonly ByteRange[];
  /** The local file keeps so many bytes at least (see `StagingFile.promise`); absent: `size`. */
  readonly promisedSize?: number;
}
