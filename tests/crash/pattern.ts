/** The content that the writers write: every byte tells which write it is of, and roughly where. */

/** A prime, so that parts or blocks put in a wrong place do not fit. The same as in writer.py. */
export const TILE_BYTES = 61;

/** What a write with this tag puts at `offset`: byte i of a file is byte i % 61 of the tag repeated. */
export function patternBytes(
  tag: string,
  offset: number,
  size: number,
): Uint8Array<ArrayBuffer> {
  const tile = new TextEncoder().encode(
    `${tag};`.repeat(TILE_BYTES).slice(0, TILE_BYTES - 1) + "\n",
  );
  const bytes = new Uint8Array(size);
  const first = Math.min(size, TILE_BYTES);
  for (let i = 0; i < first; i++) bytes[i] = tile[(offset + i) % TILE_BYTES]!;
  // Doubling whole tiles is much faster than going byte by byte.
  for (let done = first; done < size; done *= 2) bytes.copyWithin(done, 0, done);
  return bytes;
}

/** The bytes around a place, for a person to read. */
export function excerpt(bytes: Uint8Array, at: number): string {
  const start = Math.max(0, at - at % TILE_BYTES);
  const text = new TextDecoder("latin1").decode(bytes.subarray(start, start + TILE_BYTES));
  return JSON.stringify(text);
}
