/**
 * Hashes of a request's body. A SHA-256 that the signature covers is checked by every S3 server, without
 * any agreement on checksum headers: what goes over plain http cannot be changed. It costs 0.9 CPU s/GB,
 * an MD5 2.2.
 *
 * Large bodies are hashed on another thread where there is one (hash_thread.ts), else slice by slice.
 */
import { createHash } from "node:crypto";
import { giveWay } from "../base/clock.ts";
import type { HashAlgorithm } from "./hash_messages.ts";
import { HashThread } from "./hash_thread.ts";

/** Up to here, asking another thread costs more than the hash. */
const SMALL_BYTES_MAX = 256 * 1024;
/** 1 to 2 ms of hashing at a time, so that a large body does not hold up the event loop. */
const SLICE_BYTES = 2 ** 20;

/** Hex SHA-256 of `body`, letting other work go on in between. */
export function sha256OfBody(body: Uint8Array<ArrayBuffer>): Promise<string> {
  return hashOf("sha256", body);
}

/** The same for MD5. */
export function md5OfBody(body: Uint8Array<ArrayBuffer>): Promise<string> {
  return hashOf("md5", body);
}

let mayUseThread = false;
let thread: HashThread | undefined;

/** From now on a thread is started for the first large body. Ends with what this returns. */
export function hashOnThread(): Disposable {
  mayUseThread = true;
  return {
    [Symbol.dispose]: () => {
      mayUseThread = false;
      thread?.close();
      thread = undefined;
    },
  };
}

async function hashOf(algorithm: HashAlgorithm, body: Uint8Array<ArrayBuffer>): Promise<string> {
  if (body.byteLength > SMALL_BYTES_MAX && mayUseThread) {
    thread ??= new HashThread();
    try {
      return await thread.hash(algorithm, body);
    } catch {
      // The thread ended: it is slower here, and as good.
    }
  }
  return await inSlices(algorithm, body);
}

async function inSlices(algorithm: HashAlgorithm, body: Uint8Array<ArrayBuffer>): Promise<string> {
  const hash = createHash(algorithm);
  for (let start = 0; start < body.byteLength; start += SLICE_BYTES) {
    if (start > 0) await giveWay();
    hash.update(body.subarray(start, start + SLICE_BYTES));
  }
  return hash.digest("hex");
}
