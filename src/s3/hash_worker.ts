/** The thread that hashes: takes bodies slice by slice, and gives every buffer back (hash_thread.ts). */
import { createHash, type Hash } from "node:crypto";
import type { HashAnswer, HashRequest } from "./hash_messages.ts";

/** By number of the body. */
const hashes = new Map<number, Hash>();

function take({ id, algorithm, buffer, size, isLast }: HashRequest): HashAnswer {
  const hash = hashes.get(id) ?? createHash(algorithm);
  hash.update(new Uint8Array(buffer, 0, size));
  if (!isLast) {
    hashes.set(id, hash);
    return { id, buffer };
  }
  hashes.delete(id);
  return { id, buffer, digest: hash.digest("hex") };
}

addEventListener("message", (event) => {
  const port = event instanceof MessageEvent ? event.ports[0] : undefined;
  if (port === undefined) throw new Error("The hashing worker was sent no port");
  port.onmessage = ({ data }: MessageEvent<HashRequest>) => {
    const answer = take(data);
    port.postMessage(answer, [answer.buffer]);
  };
});
