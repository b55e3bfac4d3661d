/** A program that is asked on its standard input and answers on its standard output. */
export class Dialogue implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  /** What was read behind the last answer. */
  #rest = "";

  constructor(program: string, args: readonly string[]) {
    this.#child = new Deno.Command(program, {
      args: [...args],
      cwd: "/",
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#lines = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    this.#writer = this.#child.stdin.getWriter();
  }

  /** Its answer to a line, up to `end`. */
  async ask(line: string, end = "\n"): Promise<string> {
    await this.#writer.write(new TextEncoder().encode(`${line}\n`));
    let at = -1;
    while ((at = this.#rest.indexOf(end)) < 0) {
      const { value, done } = await this.#lines.read();
      if (done) throw new Error(`The program has ended, and said: ${this.#rest}`);
      this.#rest += value;
    }
    const answer = this.#rest.slice(0, at);
    this.#rest = this.#rest.slice(at + end.length);
    return answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.close();
    await this.#lines.cancel();
    await this.#child.status;
  }
}
