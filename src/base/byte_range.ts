/** Half-open byte ranges and sets of them. Offsets and sizes are bytes; `end` is exclusive. */

/** The bytes `start <= i < end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** How many bytes a range spans. */
export function rangeSize(range: ByteRange): number {
  return range.end - range.start;
}

/**
 * A set of bytes, kept as sorted, disjoint, non-touching ranges.
 *
 * Invariant between calls: for every i, `ranges[i].end < ranges[i + 1].start`, and no range is empty.
 */
export class RangeSet {
  #ranges: ByteRange[] = [];

  /** The ranges in ascending order; the array is a copy. */
  ranges(): ByteRange[] {
    return [...this.#ranges];
  }

  /** The number of bytes in the set. */
  size(): number {
    let total = 0;
    for (const range of this.#ranges) total += rangeSize(range);
    return total;
  }

  /** Adds every byte of `range`. */
  add(range: ByteRange): void {
    if (range.end <= range.start) return;
    let { start, end } = range;
    const first = this.#firstEndingAtOrAfter(start);
    let last = first;
    for (; last < this.#ranges.length; last++) {
      const other = this.#ranges[last]!;
      if (other.start > end) break;
      start = Math.min(start, other.start);
      end = Math.max(end, other.end);
    }
    this.#ranges.splice(first, last - first, { start, end });
  }

  /** Removes every byte of `range`. */
  subtract(range: ByteRange): void {
    if (range.end <= range.start) return;
    const kept: ByteRange[] = [];
    for (const other of this.#ranges) {
      if (other.end <= range.start || other.start >= range.end) {
        kept.push(other);
        continue;
      }
      if (other.start < range.start) kept.push({ start: other.start, end: range.start });
      if (other.end > range.end) kept.push({ start: range.end, end: other.end });
    }
    this.#ranges = kept;
  }

  /** True when every byte of `range` is in the set. */
  contains(range: ByteRange): boolean {
    if (range.end <= range.start) return true;
    const found = this.#ranges[this.#firstEndingAtOrAfter(range.end)];
    return found !== undefined && found.start <= range.start;
  }

  /** The parts of `range` that are not in the set, in ascending order. */
  holes(range: ByteRange): ByteRange[] {
    const holes: ByteRange[] = [];
    let at = range.start;
    for (let i = this.#firstEndingAtOrAfter(range.start); i < this.#ranges.length; i++) {
      const other = this.#ranges[i]!;
      if (other.start >= range.end) break;
      if (other.start > at) holes.push({ start: at, end: other.start });
      at = Math.max(at, other.end);
    }
    if (at < range.end) holes.push({ start: at, end: range.end });
    return holes;
  }

  /** Index of the first range whose end is at or after `offset`, by binary search. */
  #firstEndingAtOrAfter(offset: number): number {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#ranges[middle]!.end < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
