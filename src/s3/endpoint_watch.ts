/**
 * Tells a slow answer from a dead endpoint. While a long call is under way and the endpoint has
 * answered nothing else for a while, it is asked something small; when that gets no answer either,
 * the call is given up. So an upload over a slow line may take its time, and one to an endpoint that
 * is gone fails about as soon as a short request does.
 */
import type { Alarms } from "../base/alarms.ts";
import { LinkedSignal } from "../base/linked_signal.ts";
import { HttpError } from "../net/http_error.ts";

export interface EndpointWatchOptions {
  readonly alarms: Alarms;
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
    using linked = new LinkedSignal(signal);
    const alarm = this.#options.alarms.alarm();
    let isOver = false;
    const wait = () => {
      if (!isOver) alarm.set(this.#options.intervalMs, look);
    };
    const look = () => {
      this.#look().then(wait, (error) => {
        const message = "the endpoint does not answer";
        if (!isOver) linked.abort(new HttpError("timeout", message, { cause: error }));
      });
    };
    wait();
    try {
      return await work({ signal: linked.signal });
    } finally {
      isOver = true;
      alarm.clear();
    }
  }

  /** Resolves while there is no reason for doubt. */
  async #look(): Promise<void> {
    const { intervalMs, sinceContactMs, probe } = this.#options;
    if (sinceContactMs() < intervalMs) return;
    await (this.#probing ??= probe().finally(() => this.#probing = undefined));
  }
}
