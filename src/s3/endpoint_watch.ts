/**
 * Tells a slow answer from a dead endpoint. While a long call is under way and the endpoint has
 * answered nothing else for a while, it is asked something small; when that gets no answer either,
 * the call is given up. So an upload over a slow line may take its time, and one to an endpoint that
 * is gone fails about as soon as a short request does.
 */
import type { Clock } from "../base/clock.ts";
import { HttpError } from "../net/http_error.ts";

export interface EndpointWatchOptions {
  readonly clock: Clock;
  /** How long silence is not looked into; the probe's own deadline comes on top. */
  readonly intervalMs: number;
  /** How long ago the endpoint last answered anything. */
  readonly sinceContactMs: () => number;
  /** One small request: resolves on any answer. */
  readonly probe: () => Promise<void>;
}

export class EndpointWatch {
  readonly #options: EndpointWatchOptions;
  /** One at a time for all calls that are watched. */
  #probing: Promise<void> | undefined;

  constructor(options: EndpointWatchOptions) {
    this.#options = options;
  }

  /** Runs `work` with a signal that fires with `signal`, or with an `HttpError` when the endpoint is gone. */
  async during<T>(
    signal: AbortSignal,
    work: (watched: { readonly signal: AbortSignal }) => Promise<T>,
  ): Promise<T> {
    const gone = new AbortController();
    const stop = new AbortController();
    const watching = this.#watch(gone, stop.signal);
    try {
      return await work({ signal: AbortSignal.any([signal, gone.signal]) });
    } finally {
      stop.abort();
      await watching;
    }
  }

  async #watch(gone: AbortController, stop: AbortSignal): Promise<void> {
    const { clock, intervalMs, sinceContactMs } = this.#options;
    while (!stop.aborted) {
      try {
        await clock.sleep(intervalMs, stop);
      } catch {
        return; // the call is over
      }
      if (sinceContactMs() < intervalMs) continue;
      this.#probing ??= this.#options.probe().finally(() => this.#probing = undefined);
      const stopped = new Promise<void>((resolve) =>
        stop.addEventListener("abort", () => resolve())
      );
      try {
        await Promise.race([this.#probing, stopped]);
      } catch (error) {
        gone.abort(new HttpError("timeout", "the endpoint does not answer", { cause: error }));
        return;
      }
    }
  }
}
