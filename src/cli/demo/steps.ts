/** A sequence of named steps: each is timed, bounded, and shown as it ends. */
import { Deadline, systemClock } from "../../base/clock.ts";
import { messageOf } from "../../base/message_of.ts";
import type { Output } from "../output.ts";

/** Far above what any step needs; a file system that hangs must not hang its check. */
const STEP_TIMEOUT_MS = 120_000;

export interface StepResult {
  readonly name: string;
  readonly ms: number;
  /** Why it failed; null when it held. */
  readonly error: string | null;
}

export class Steps {
  readonly #output: Output;
  readonly #signal: AbortSignal;
  readonly results: StepResult[] = [];

  constructor(output: Output, signal: AbortSignal) {
    this.#output = output;
    this.#signal = signal;
  }

  /** Runs one step. What it returns is passed on; its failure is shown and thrown. */
  async run<T>(name: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const startedMs = systemClock.monotonicMs();
    const end = (error: string | null) => {
      const ms = Math.round(systemClock.monotonicMs() - startedMs);
      this.results.push({ name, ms, error });
      if (this.#output.json) return;
      const { style } = this.#output;
      const mark = error === null ? style.green("ok  ") : style.red("FAIL");
      this.#output.line(`${mark}  ${String(ms).padStart(6)} ms  ${name}`);
    };
    using deadline = new Deadline(this.#signal, STEP_TIMEOUT_MS);
    try {
      // A call into a folder that hangs cannot be aborted, only left behind.
      const result = await Promise.race([work(deadline.signal), rejection(deadline.signal)]);
      end(null);
      return result;
    } catch (error) {
      end(messageOf(error));
      throw error;
    }
  }
}

function rejection(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

/** Runs `work` for each item, `width` at a time. Rejects with the first failure. */
export async function inParallel<T>(
  items: Iterable<T>,
  width: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const iterator = items[Symbol.iterator]();
  await Promise.all(Array.from({ length: width }, async () => {
    for (let next = iterator.next(); next.done !== true; next = iterator.next()) {
      await work(next.value);
    }
  }));
}
