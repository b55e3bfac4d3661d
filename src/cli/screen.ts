/** A picture on the terminal that is drawn again and again, without scrolling and flicker. */

/** The alternate screen, without a cursor and without breaking long lines (xterm, ctlseqs). */
const ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l";
const LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l";
/** Terminals that know it show what is written in between at once; others ignore it. */
const BEGIN_UPDATE = "\x1b[?2026h\x1b[H";
const END_UPDATE = "\x1b[?2026l";
const ERASE_LINE_END = "\x1b[K";
const ERASE_BELOW = "\x1b[J";

/** Leaves the terminal as it was when it is disposed of. */
export class Screen implements Disposable {
  readonly #write: (text: string) => void;
  readonly #rows: () => number;

  /** `rows`: how many lines the terminal has now. */
  constructor(write: (text: string) => void, rows: () => number) {
    this.#write = write;
    this.#rows = rows;
    write(ENTER);
  }

  /** Draws over the last picture; lines that do not fit are cut off. */
  draw(text: string): void {
    const lines = text.split("\n").slice(0, Math.max(1, this.#rows()));
    const picture = lines.map((line) => line + ERASE_LINE_END).join("\r\n");
    this.#write(BEGIN_UPDATE + picture + ERASE_BELOW + END_UPDATE);
  }

  [Symbol.dispose](): void {
    this.#write(LEAVE);
  }
}
