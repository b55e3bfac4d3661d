/** The process that uses the mounts: see workload.py. The benchmark itself never touches one. */
import { fileURLToPath } from "node:url";

const SCRIPT = fileURLToPath(new URL("./workload.py", import.meta.url));
/** What an operation may take beyond its own limit before its mount is given up. */
const GRACE_SECONDS = 15;

/** One operation of workload.py, with its arguments. */
export type Operation =
  & { readonly op: string }
  & Readonly<Record<string, string | number | readonly string[]>>;

export interface Done {
  readonly seconds: number;
  /** Bytes, files or reads, as the operation counts. */
  readonly done: number;
  readonly total: number;
  /** The limit came before all was done. */
  readonly cut: boolean;
  /** Nor did it end then: the mount does not answer. */
  readonly isStuck?: boolean;
}

/** The mount did not answer within the limit and long after. */
export class StuckError extends Error {
  override readonly name = "StuckError";
}

export class Workload {
  #child: Deno.ChildProcess | undefined;
  #input: WritableStreamDefaultWriter<Uint8Array> | undefined;
  #answers: ReadableStreamDefaultReader<string> | undefined;
  #rest = "";

  /** Runs one operation; throws `StuckError`, and when the operation failed, its reason. */
  async run(operation: Operation, limitSeconds: number): Promise<Done> {
    if (this.#child === undefined) this.#start();
    const request = JSON.stringify({ ...operation, limit: limitSeconds });
    await this.#input?.write(new TextEncoder().encode(`${request}\n`));
    const answer = await this.#answer((limitSeconds + GRACE_SECONDS) * 1000);
    if ("error" in answer) throw new Error(`Cannot ${operation.op}: ${String(answer["error"])}`);
    return answer as unknown as Done; // What workload.py prints.
  }

  #start(): void {
    this.#child = new Deno.Command("python3", {
      args: ["-u", SCRIPT],
      cwd: "/",
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#answers = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    this.#rest = "";
  }

  async #answer(limitMs: number): Promise<Record<string, unknown>> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new StuckError("Cannot go on: no answer")), limitMs);
    });
    try {
      while (!this.#rest.includes("\n")) {
        const { value, done } = await Promise.race([this.#answers!.read(), late]);
        if (done) throw new Error("Cannot go on: the workload process has ended");
        this.#rest += value;
      }
    } catch (error) {
      this.#abandon();
      throw error;
    } finally {
      clearTimeout(timer);
    }
    const end = this.#rest.indexOf("\n");
    const line = this.#rest.slice(0, end);
    this.#rest = this.#rest.slice(end + 1);
    return JSON.parse(line) as Record<string, unknown>;
  }

  /** It ends when its mount is gone; the next operation gets a new process. */
  #abandon(): void {
    try {
      this.#child?.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    this.#child = undefined;
  }

  async close(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    await this.#input?.close();
    await child.status;
  }
}
