/** What a daemon uses and how fast it answers, looked at twice a second. */
import type { DaemonUnderLoad } from "./daemon_under_load.ts";
import { type ProcessUsage, usageOf } from "./process_usage.ts";

const SAMPLE_MS = 500;
const PLOT_COLUMNS = 60;
const BARS = "▁▂▃▄▅▆▇█";

/** A look at the daemon. */
export interface Sample extends ProcessUsage {
  /** How long the answer took. */
  readonly statusMs: number;
  /** How long the daemon's main thread was computing meanwhile: the rest is a machine that is busy. */
  readonly statusCpuMs: number;
  readonly heapBytes: number;
  /** Of all mounts. */
  readonly inodes: number;
}

/** One look; undefined when there was no answer in the time that an answer may take. */
export async function sample(daemon: DaemonUnderLoad): Promise<Sample | undefined> {
  const before = await usageOf(daemon.pid);
  const startMs = performance.now();
  const status = await daemon.status().catch(() => undefined);
  const statusMs = performance.now() - startMs;
  const usage = await usageOf(daemon.pid);
  if (status === undefined) return undefined;
  return {
    ...usage,
    statusMs,
    statusCpuMs: usage.mainCpuMs - before.mainCpuMs,
    heapBytes: status.memory.heap_bytes,
    inodes: status.mounts.reduce((sum, { inodes }) => sum + inodes, 0),
  };
}

export class Samples implements AsyncDisposable {
  readonly all: Sample[] = [];
  /** Looks that got no answer. */
  unanswered = 0;
  readonly #daemon: DaemonUnderLoad;
  readonly #running: Promise<void>;
  #isOver = false;

  constructor(daemon: DaemonUnderLoad) {
    this.#daemon = daemon;
    this.#running = this.#run();
    this.#running.catch(() => {}); // told at the end
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await this.#running;
  }

  /** The course of one figure over time as a line of bars, from 0 to its largest. */
  plot(of: (sample: Sample) => number): string {
    const max = Math.max(...this.all.map(of));
    const columns = Math.min(PLOT_COLUMNS, this.all.length);
    return Array.from({ length: columns }, (_, column) => {
      const from = Math.floor(column * this.all.length / columns);
      const to = Math.floor((column + 1) * this.all.length / columns);
      const largest = Math.max(...this.all.slice(from, to).map(of));
      return BARS[Math.round(largest / max * (BARS.length - 1))];
    }).join("");
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      const taken = await sample(this.#daemon);
      if (taken === undefined) this.unanswered++;
      else this.all.push(taken);
      await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS));
    }
  }
}
