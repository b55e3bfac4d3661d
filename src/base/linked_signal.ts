/** A signal that can be fired here, and fires with its parent too. `AbortSignal.any` costs ten times as much. */
export class LinkedSignal implements Disposable {
  readonly #parent: AbortSignal;
  readonly #controller = new AbortController();
  readonly #onAbort = () => this.#controller.abort(this.#parent.reason);

  /** To be disposed of when the work is done, or the parent keeps it. */
  constructor(parent: AbortSignal) {
    this.#parent = parent;
    if (parent.aborted) this.#onAbort();
    else parent.addEventListener("abort", this.#onAbort, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  abort(reason: unknown): void {
    this.#controller.abort(reason);
  }

  [Symbol.dispose](): void {
    this.#parent.removeEventListener("abort", this.#onAbort);
  }
}
