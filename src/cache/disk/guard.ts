/** Contains what goes wrong on the disk: the first failure is logged and ends the use of the disk. */
import type { Logger } from "../../base/log.ts";

export class DiskGuard {
  readonly #log: Logger;
  #broken = false;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** True when nothing more is to be done with the disk. */
  get isBroken(): boolean {
    return this.#broken;
  }

  /** What `work` returns, or `otherwise` when it fails or something failed before. */
  run<T>(otherwise: T, work: () => T): T {
    if (this.#broken) return otherwise;
    try {
      return work();
    } catch (error) {
      this.fail(error);
      return otherwise;
    }
  }

  fail(error: unknown): void {
    if (this.#broken) return;
    this.#broken = true;
    this.#log.error("Going on without the disk cache: {error}", { error });
  }
}
