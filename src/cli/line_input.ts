/** Lines from stdin: answers that a person types, or what a pipe brings. */
import { untilAborted } from "../base/until_aborted.ts";

/** Where lines come from; the process's own stdin, or a test's. */
export interface LineSource {
  readonly isTerminal: boolean;
  /** Null at the end. */
  read(): Promise<Uint8Array | null>;
  /** The terminal hands over each key at once and shows nothing; Ctrl-C goes on to be a signal. */
  setRaw(on: boolean): void;
}

/** The process's stdin. */
export function processInput(): LineSource {
  const buffer = new Uint8Array(4096);
  return {
    isTerminal: Deno.stdin.isTerminal(),
    async read() {
      const count = await Deno.stdin.read(buffer);
      return count === null ? null : buffer.slice(0, count);
    },
    setRaw: (on) => Deno.stdin.setRaw(on, { cbreak: true }),
  };
}

/** More than any key or token has. */
const LINE_BYTES_MAX = 64 * 1024;

const END_OF_INPUT = 0x04;
const BACKSPACES = [0x08, 0x7f];
const ERASE_LINE = 0x15;
const LINE_ENDS = [0x0a, 0x0d];

export class LineInput {
  readonly #source: LineSource;
  readonly #write: (text: string) => void;
  /** Read, and not used yet: who pastes brings several lines at once. */
  #left: number[] = [];

  /** `write` gets questions, and what is typed unless it is hidden. */
  constructor(source: LineSource, write: (text: string) => void) {
    this.#source = source;
    this.#write = write;
  }

  /** The next line, without its end; undefined when there is none. A person is asked for it. */
  async line(
    question: string,
    { isHidden }: { readonly isHidden: boolean },
    signal: AbortSignal,
  ): Promise<string | undefined> {
    if (!this.#source.isTerminal) return await this.#next(() => {}, signal);
    // First of all: who answers at once must not see the terminal's own echo.
    this.#source.setRaw(true);
    try {
      this.#write(question);
      return await this.#next((text) => isHidden ? undefined : this.#write(text), signal);
    } finally {
      this.#source.setRaw(false);
      this.#write("\n");
    }
  }

  async #next(echo: (text: string) => void, signal: AbortSignal): Promise<string | undefined> {
    const line: number[] = [];
    const text = () => new TextDecoder().decode(Uint8Array.from(line));
    for (;;) {
      const byte = this.#left.shift();
      if (byte === undefined) {
        const bytes = await untilAborted(this.#source.read(), signal);
        if (bytes === null) return line.length === 0 ? undefined : text();
        this.#left.push(...bytes);
      } else if (LINE_ENDS.includes(byte)) {
        // The end of a line of other systems is two bytes.
        if (byte === 0x0d && this.#left[0] === 0x0a) this.#left.shift();
        return text();
      } else if (this.#source.isTerminal && byte === END_OF_INPUT) {
        return line.length === 0 ? undefined : text();
      } else if (this.#source.isTerminal && BACKSPACES.includes(byte)) {
        if (line.pop() !== undefined) echo("\b \b");
      } else if (this.#source.isTerminal && byte === ERASE_LINE) {
        echo("\b \b".repeat(line.length));
        line.length = 0;
      } else {
        line.push(byte);
        if (line.length > LINE_BYTES_MAX) throw new Error("Cannot read the line: it is too long");
        echo(String.fromCharCode(byte));
      }
    }
  }
}
