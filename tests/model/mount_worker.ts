/** The process that does the model's operations in a mount (mount_worker.py). */
import { fileURLToPath } from "node:url";
import type { Operation, Outcome } from "./operation.ts";
import { isOwnXattr } from "./subject.ts";

const SCRIPT = fileURLToPath(new URL("./mount_worker.py", import.meta.url));

export class MountWorker implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: AsyncIterator<string>;

  /** Works below `folder`, but does not stand in it: a mount that is to go away must not be in use. */
  constructor(folder: string) {
    this.#child = new Deno.Command("python3", {
      args: [SCRIPT, folder],
      env: { LC_ALL: "C.UTF-8" },
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#writer = this.#child.stdin.getWriter();
    this.#lines = linesOf(this.#child.stdout);
  }

  async apply(operation: Operation | { readonly op: "closeAll" }): Promise<Outcome> {
    await this.#writer.write(new TextEncoder().encode(`${JSON.stringify(operation)}\n`));
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`The worker ended at ${JSON.stringify(operation)}`);
    const outcome = JSON.parse(value);
    if ("error" in outcome) return outcome;
    if (typeof outcome.value?.bytes === "string") {
      return { value: Uint8Array.from(atob(outcome.value.bytes), (char) => char.charCodeAt(0)) };
    }
    if (operation.op === "listxattr") return { value: outcome.value.filter(isOwnXattr) };
    return outcome;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.close().catch(() => {});
    // It may hang in a call that the mount never answers: then even its end waits for the mount's.
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 5000);
    await Promise.race([this.#child.status, new Promise((resolve) => setTimeout(resolve, 7000))]);
    clearTimeout(timer);
  }
}

async function* linesOf(pipe: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  let rest = "";
  for await (const part of pipe.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + part).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
}
