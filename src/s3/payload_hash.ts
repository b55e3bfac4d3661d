/**
 * The SHA-256 of a request's body, which the signature covers: every S3 server checks it, over plain
 * http as well, without any agreement on checksum headers. It costs 0.7 CPU s/GB.
 */
import { createHash } from "node:crypto";

/** 0.7 ms of hashing at a time, so that a large part does not hold up the event loop. */
const SLICE_BYTES = 2 ** 20;

/** Hex SHA-256 of `body`, letting other work go on in between. */
export async function sha256InSlices(body: Uint8Array<ArrayBuffer>): Promise<string> {
  const hash = createHash("sha256");
  for (let start = 0; start < body.byteLength; start += SLICE_BYTES) {
    if (start > 0) await nextTurn();
    hash.update(body.subarray(start, start + SLICE_BYTES));
  }
  return hash.digest("hex");
}

/** Resolves in a later turn of the event loop, without the least delay that timers have. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      port2.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
