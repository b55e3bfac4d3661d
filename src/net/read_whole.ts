/** A body that is wanted in one piece. */
import { HttpError } from "./http_error.ts";
import type { HttpBody } from "./http_exchange.ts";

const FIRST_BYTES = 16 * 1024;

/** A body that tells when it is over. */
export interface EndingBody extends Pick<HttpBody, "read" | "cancel"> {
  readonly hasEnded: boolean;
}

/** `contentLength` is what the headers say, if they do. Contract as of `HttpBody.readAll`. */
export async function readWhole(
  body: EndingBody,
  contentLength: number | undefined,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  let buffer = new Uint8Array(Math.min(contentLength ?? FIRST_BYTES, maxBytes) + 1);
  let size = 0;
  for (;;) {
    const piece = await body.read(buffer.subarray(size));
    buffer = new Uint8Array(piece.buffer);
    size += piece.byteLength;
    if (size > maxBytes) {
      await body.cancel();
      throw new HttpError("protocol", `the answer is longer than ${maxBytes} bytes`);
    }
    if (body.hasEnded) return buffer.subarray(0, size);
    if (size === buffer.byteLength) {
      const larger = new Uint8Array(Math.min(2 * size, maxBytes + 1));
      larger.set(buffer);
      buffer = larger;
    }
  }
}
