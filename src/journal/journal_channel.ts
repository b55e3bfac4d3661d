/** The way to the journal's worker and back. */
import { JournalError } from "./journal_error.ts";
import type { JournalAnswer, JournalRequest } from "./journal_messages.ts";

interface Asked {
  readonly resolve: (answer: JournalAnswer) => void;
  readonly reject: (error: JournalError) => void;
}

/** A worker of its own. When that ends by itself, all that is and will be asked is rejected. */
export class JournalChannel {
  readonly #directory: string;
  readonly #worker: Worker;
  readonly #port: MessagePort;
  /** In the order in which they were sent, which is that of the answers. */
  readonly #asked: Asked[] = [];
  #ended: JournalError | undefined;

  /** `directory` is the journal's, for messages. */
  constructor(directory: string, url: URL = workerUrl()) {
    this.#directory = directory;
    this.#worker = new Worker(url, { type: "module", name: "journal" });
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#end(`its worker ended: ${event.message}`);
    };
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#port.onmessage = ({ data }: MessageEvent<JournalAnswer>) => {
      const asked = this.#asked.shift();
      if ("failed" in data) {
        asked?.reject(new JournalError(data.failed.reason, data.failed.message));
      } else asked?.resolve(data);
    };
    this.#worker.postMessage(undefined, [port2]);
  }

  /** Rejects with `JournalError`. */
  ask(request: JournalRequest): Promise<JournalAnswer> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => {
      this.#asked.push({ resolve, reject });
      this.#port.postMessage(request);
    });
  }

  /** Ends the worker. Whatever is asked for now is rejected. */
  end(): void {
    this.#end("it is closed");
  }

  #end(why: string): void {
    if (this.#ended !== undefined) return;
    this.#ended = new JournalError(
      "closed",
      `Cannot use the journal in "${this.#directory}": ${why}; restart the daemon`,
    );
    this.#port.close();
    this.#worker.terminate();
    for (const { reject } of this.#asked.splice(0)) reject(this.#ended);
  }
}

/** Beside this file; in the bundle it is compiled, and beside the bundle's other files. */
function workerUrl(): URL {
  return import.meta.url.endsWith(".ts")
    ? new URL("./journal_worker.ts", import.meta.url)
    : new URL("./journal_worker.js", import.meta.url);
}
