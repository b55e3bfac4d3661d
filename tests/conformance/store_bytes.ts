/** Bytes in and out of stores, for tests. */
import type { ObjectBody } from "../../src/s3/object_store.ts";

export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** The whole body. */
export async function drain(body: ObjectBody): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  for (;;) {
    const piece = await body.read(new Uint8Array(64 * 1024));
    pieces.push(piece);
    if (piece.byteLength < 64 * 1024) break;
  }
  await body.cancel();
  return new Uint8Array(await new Blob(pieces).arrayBuffer());
}

export async function textOf(body: ObjectBody): Promise<string> {
  return new TextDecoder().decode(await drain(body));
}

/** Bytes that tell where they belong: any two ranges of the same offsets are equal, others are not. */
export function patternBytes(start: number, size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  fillPattern(bytes, start);
  return bytes;
}

/** Fills `target` with the pattern from offset `start`. */
export function fillPattern(target: Uint8Array, start: number): void {
  for (let i = 0; i < target.length; i++) {
    const offset = start + i;
    target[i] = (offset * 31 + (offset >>> 8) * 17 + (offset >>> 16) * 7) & 255;
  }
}
