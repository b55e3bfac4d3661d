import type { Clock } from "../base/clock.ts";
import { formatDuration, formatSize } from "../base/units.ts";

// Ten pictures a second look alive; more only cost time on slow terminals.
const REDRAW_MS = 100;

/** One line that is redrawn in place: label, bytes, rate and time left. */
export class ProgressLine {
  readonly #label: string;
  readonly #totalBytes: number | undefined;
  readonly #clock: Clock;
  readonly #write: ((text: string) => void) | undefined;
  readonly #columns: number;
  readonly #startMs: number;
  #drawnMs = -Infinity;

  /** Without `write` the line is silent. */
  constructor(options: {
    readonly label: string;
    readonly totalBytes: number | undefined;
    readonly clock: Clock;
    readonly write: ((text: string) => void) | undefined;
    readonly columns: number;
  }) {
    this.#label = options.label;
    this.#totalBytes = options.totalBytes;
    this.#clock = options.clock;
    this.#write = options.write;
    this.#columns = options.columns;
    this.#startMs = options.clock.monotonicMs();
  }

  /** Tells how many bytes are done; draws at most ten times a second. */
  update(doneBytes: number): void {
    const nowMs = this.#clock.monotonicMs();
    if (this.#write === undefined || nowMs - this.#drawnMs < REDRAW_MS) return;
    this.#drawnMs = nowMs;
    this.#write(`\r${this.#text(doneBytes, nowMs).slice(0, this.#columns - 1)}\x1b[K`);
  }

  /** Removes the line. */
  end(): void {
    if (this.#drawnMs > -Infinity) this.#write?.("\r\x1b[K");
  }

  #text(doneBytes: number, nowMs: number): string {
    const seconds = (nowMs - this.#startMs) / 1000;
    const rate = seconds > 0 ? doneBytes / seconds : 0;
    const parts = [this.#label];
    if (this.#totalBytes === undefined) parts.push(formatSize(doneBytes));
    else parts.push(`${formatSize(doneBytes)} of ${formatSize(this.#totalBytes)}`);
    parts.push(`${formatSize(rate)}/s`);
    if (this.#totalBytes !== undefined && rate > 0) {
      const leftBytes = Math.max(0, this.#totalBytes - doneBytes);
      parts.push(`${formatDuration((leftBytes / rate) * 1000)} left`);
    }
    return parts.join("  ");
  }
}
