/**
 * How an object is cut into the parts of a multipart upload: those with bytes of ours ("data"), and
 * those that an object on the server has already ("copy").
 *
 * S3's limits shape it (S3 user guide, "Multipart upload limits"): at most 10,000 parts, each but the
 * last of at least 5 MiB. So a small change takes a few MiB of what surrounds it with it, and where
 * the changes are many and close together, the short copies between them are given up first.
 */
import { type ByteRange, rangeSize } from "../base/byte_range.ts";

const MIB = 2 ** 20;
const PARTS_MAX = 10_000;
const PART_BYTES_MIN = 5 * MIB;
/** What one UploadPartCopy takes, and one CopyObject. */
export const COPY_BYTES_MAX = 5 * 2 ** 30;
export const OBJECT_BYTES_MAX = 5 * 2 ** 40;
/** Parts of 8 MiB keep memory low and lose little to a break; a large object is better off with 16. */
export const SMALL_PART_BYTES = 8 * MIB;
const LARGE_PART_BYTES = 16 * MIB;
const LARGE_FROM_BYTES = 1024 * SMALL_PART_BYTES;

/** One part: bytes of ours, or bytes taken over from an object on the server. */
export interface PlannedPart {
  readonly range: ByteRange;
  readonly from: "data" | "copy";
}

/**
 * The parts of an object of `size` bytes, in order. `unchanged` are sorted, disjoint ranges that the
 * object to copy from has at the same offsets; those that are too short to be copied become data.
 * `partBytes` is the size of the parts that were sent before the object's size was known.
 */
export function planParts(
  size: number,
  unchanged: readonly ByteRange[] = [],
  partBytes?: number,
): PlannedPart[] {
  if (size > OBJECT_BYTES_MAX) {
    throw new RangeError(`Cannot upload ${size} bytes: an S3 object has at most 5 TiB`);
  }
  // A source of 5 MiB or less cannot be copied by ranges (S3 API reference, UploadPartCopy).
  for (let copyBytesMin = PART_BYTES_MIN + 1;; copyBytesMin *= 2) {
    const parts = spans(size, unchanged, copyBytesMin).flatMap((span) =>
      cut(span, size, partBytes)
    );
    // Ends when nothing is copied any more at the latest.
    if (parts.length <= PARTS_MAX) return parts;
  }
}

/** The object as alternating spans of data and of copies of at least `copyBytesMin` bytes. */
function spans(
  size: number,
  unchanged: readonly ByteRange[],
  copyBytesMin: number,
): PlannedPart[] {
  const found: PlannedPart[] = [];
  /** Where the data begins that is not in a span yet. */
  let dataStart = 0;
  for (const range of unchanged) {
    const hasData = range.start > dataStart;
    // Data in front of a copy must be a part of its own: it takes what it lacks from the copy.
    const start = hasData ? Math.max(range.start, dataStart + PART_BYTES_MIN) : range.start;
    const end = Math.min(range.end, size);
    if (end - start < copyBytesMin) continue;
    if (hasData) found.push({ range: { start: dataStart, end: start }, from: "data" });
    found.push({ range: { start, end }, from: "copy" });
    dataStart = end;
  }
  if (dataStart < size) found.push({ range: { start: dataStart, end: size }, from: "data" });
  return found;
}

/** The parts of one span. */
function cut({ range, from }: PlannedPart, size: number, partBytes?: number): PlannedPart[] {
  const usual = Math.max(
    partBytes ?? (size < LARGE_FROM_BYTES ? SMALL_PART_BYTES : LARGE_PART_BYTES),
    Math.ceil(size / PARTS_MAX / MIB) * MIB,
  );
  const isLast = range.end === size;
  const bytes = from === "copy"
    ? evenly(rangeSize(range), COPY_BYTES_MAX)
    : isLast
    ? usual
    : evenly(rangeSize(range), usual);
  const parts: PlannedPart[] = [];
  for (let start = range.start; start < range.end; start += bytes) {
    parts.push({ range: { start, end: Math.min(range.end, start + bytes) }, from });
  }
  return parts;
}

/** The size of equal parts of about `usual` bytes at most, none of them too small for S3. */
function evenly(bytes: number, usual: number): number {
  const count = Math.ceil(bytes / usual);
  const size = Math.ceil(bytes / count);
  return count > 1 && bytes - (count - 1) * size < PART_BYTES_MIN
    ? Math.ceil(bytes / (count - 1))
    : size;
}
