/** Long-running child processes whose last words are kept. */

const WORDS_BYTES_MAX = 8 * 1024;
const END_MS = 10_000;

export interface CommandLine {
  readonly path: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** A child process; what it prints goes to its last words only. */
export class Child {
  readonly #child: Deno.ChildProcess;
  readonly #output: Promise<unknown>;
  readonly name: string;
  #words = "";
  hasEnded = false;

  constructor({ path, args, env = {} }: CommandLine) {
    this.name = path.slice(path.lastIndexOf("/") + 1);
    this.#child = new Deno.Command(path, {
      args: [...args],
      env: { ...env, NO_COLOR: "1" },
      cwd: "/",
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const { stdout, stderr, status } = this.#child;
    this.#output = Promise.all([this.#keep(stdout), this.#keep(stderr)]);
    status.then(() => this.hasEnded = true, () => {});
  }

  get pid(): number {
    return this.#child.pid;
  }

  get lastWords(): string {
    return this.#words.trim();
  }

  /** Resolves when it has ended; ends it by `signal`, and by SIGKILL when that takes long. */
  async end(signal: Deno.Signal | "none"): Promise<void> {
    if (signal !== "none") this.#kill(signal);
    const timer = setTimeout(() => this.#kill("SIGKILL"), END_MS);
    await this.#child.status;
    clearTimeout(timer);
    await this.#output;
  }

  #kill(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch {
      // It has ended by itself.
    }
  }

  async #keep(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      this.#words = (this.#words + text).slice(-WORDS_BYTES_MAX);
    }
  }
}

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end; one that takes longer than a minute is killed. */
export async function run(path: string, args: readonly string[]): Promise<Finished> {
  const { code, stdout, stderr } = await new Deno.Command(path, {
    args: [...args],
    cwd: "/",
    stdin: "null",
    signal: AbortSignal.timeout(60_000),
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** The path of a program on PATH, or where Go and Cargo put theirs. */
export function findProgram(name: string): string | undefined {
  const home = Deno.env.get("HOME") ?? "/";
  const folders = [
    ...(Deno.env.get("PATH") ?? "").split(":"),
    `${home}/go/bin`,
    `${home}/.cargo/bin`,
  ];
  return folders.map((folder) => `${folder}/${name}`).find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
}

/** Tries until it holds; throws after `limitMs`. */
export async function until(
  what: string,
  limitMs: number,
  holds: () => boolean | Promise<boolean>,
): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!await holds()) {
    if (performance.now() > deadline) throw new Error(`Cannot wait any longer until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
