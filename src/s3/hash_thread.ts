/**
 * Hashes large bodies on a thread of its own, so that it costs the one that serves the kernel a tenth.
 *
 * Bodies are copied to it in slices, through a few buffers that go to and fro: handing over a body itself
 * would take it from who is about to send it.
 */
import type { HashAlgorithm, HashAnswer, HashRequest } from "./hash_messages.ts";

const SLICE_BYTES = 2 ** 20;
const BUFFERS = 3;

interface Body {
  readonly resolve: (digest: string) => void;
  readonly reject: (error: Error) => void;
}

export class HashThread {
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #free: ArrayBuffer[] = Array.from(
    { length: BUFFERS },
    () => new ArrayBuffer(SLICE_BYTES),
  );
  /** Bodies that wait for a buffer, in order. */
  readonly #waiting: ((buffer: ArrayBuffer) => void)[] = [];
  readonly #bodies = new Map<number, Body>();
  #lastId = 0;
  #failure: Error | undefined;

  constructor(url: URL = workerUrl()) {
    this.#worker = new Worker(url, { type: "module", name: "hash" });
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#end(`its worker ended: ${event.message}`);
    };
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#port.onmessage = ({ data }: MessageEvent<HashAnswer>) => this.#take(data);
    this.#worker.postMessage(undefined, [port2]);
  }

  /** Hex digest of `body`, which must not change meanwhile. Rejects when the thread ended. */
  hash(algorithm: HashAlgorithm, body: Uint8Array<ArrayBuffer>): Promise<string> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#bodies.set(id, { resolve, reject });
      void this.#send(id, algorithm, body);
    });
  }

  /** Ends the thread. */
  close(): void {
    this.#end("it was closed");
  }

  async #send(id: number, algorithm: HashAlgorithm, body: Uint8Array<ArrayBuffer>): Promise<void> {
    for (let start = 0, isLast = false; !isLast; start += SLICE_BYTES) {
      const buffer = await this.#buffer();
      if (this.#failure !== undefined) return;
      const slice = body.subarray(start, start + SLICE_BYTES);
      new Uint8Array(buffer).set(slice);
      isLast = start + SLICE_BYTES >= body.byteLength;
      const request: HashRequest = { id, algorithm, buffer, size: slice.byteLength, isLast };
      this.#port.postMessage(request, [buffer]);
    }
  }

  #buffer(): Promise<ArrayBuffer> {
    const buffer = this.#free.pop();
    if (buffer !== undefined) return Promise.resolve(buffer);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #take({ id, buffer, digest }: HashAnswer): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free.push(buffer);
    else next(buffer);
    if (digest === undefined) return;
    this.#bodies.get(id)?.resolve(digest);
    this.#bodies.delete(id);
  }

  #end(why: string): void {
    if (this.#failure !== undefined) return;
    this.#failure = new Error(`Cannot hash on a thread: ${why}`);
    this.#port.close();
    this.#worker.terminate();
    for (const { reject } of this.#bodies.values()) reject(this.#failure);
    this.#bodies.clear();
  }
}

/** Beside this file; in the bundle it is compiled, and beside the bundle's other files. */
function workerUrl(): URL {
  return import.meta.url.endsWith(".ts")
    ? new URL("./hash_worker.ts", import.meta.url)
    : new URL("./hash_worker.js", import.meta.url);
}
