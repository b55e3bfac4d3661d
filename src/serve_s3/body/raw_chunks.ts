/** A request's body as it comes over the connection. */
import { StallTimer } from "../../base/clock.ts";
import { S3Error } from "../s3_error.ts";

/** S3 gives up on clients that send nothing for about this long. */
const IDLE_MS_MAX = 20_000;
/** More than this of an unwanted body is not read: the client sees the connection close. */
const DISCARD_BYTES_MAX = 64 * 1024 * 1024;

/** Piece by piece; a client that stops sending ends with `RequestTimeout`. */
export async function* rawChunks(
  body: ReadableStream<Uint8Array<ArrayBuffer>> | null,
): AsyncGenerator<Uint8Array, void, void> {
  if (body === null) return;
  const reader = body.getReader();
  let stalled = false;
  const timer = new StallTimer(IDLE_MS_MAX, () => {
    stalled = true;
    reader.cancel("Cannot receive the body: the client stopped sending").catch(() => {});
  });
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      timer.kick();
      yield next.value;
      timer.kick();
    }
  } finally {
    timer.stop();
    reader.releaseLock();
  }
  if (stalled) {
    throw new S3Error(
      "RequestTimeout",
      "Your socket connection to the server was not read from or written to within the timeout " +
        "period. Idle connections will be closed.",
    );
  }
}

/**
 * Reads what is left of a refused request, since a client that is still sending when the connection
 * closes may never see the answer.
 */
export async function discardBody(request: Request): Promise<void> {
  const size = Number(request.headers.get("content-length") ?? DISCARD_BYTES_MAX);
  if (request.body?.locked === true || size > DISCARD_BYTES_MAX) return;
  try {
    let discarded = 0;
    for await (const bytes of rawChunks(request.body)) {
      discarded += bytes.length;
      if (discarded > DISCARD_BYTES_MAX) return;
    }
  } catch {
    // The client went away or stalled; the answer is ready all the same.
  }
}
