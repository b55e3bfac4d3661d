/** The signals that end a daemon: the first one asks for an orderly end, the second one for haste. */

const ENDING: readonly Deno.Signal[] = ["SIGTERM", "SIGINT", "SIGHUP"];

export interface EndSignals extends Disposable {
  /** Fires at the first signal. */
  readonly end: AbortSignal;
  /** Fires at the second signal. */
  readonly hurry: AbortSignal;
  /** Is called at SIGHUP instead, once it is set: for a daemon without a terminal that could close. */
  onHangup: (() => void) | undefined;
}

/** Takes over SIGTERM, SIGINT and SIGHUP (a terminal that was closed) until it is disposed of. */
export function watchEndSignals(): EndSignals {
  const end = new AbortController();
  const hurry = new AbortController();
  const signals: EndSignals = {
    end: end.signal,
    hurry: hurry.signal,
    onHangup: undefined,
    [Symbol.dispose]: () => {
      for (const { signal, handler } of handlers) Deno.removeSignalListener(signal, handler);
    },
  };
  const handlers = ENDING.map((signal) => {
    const handler = () => {
      if (signal === "SIGHUP" && signals.onHangup !== undefined) return signals.onHangup();
      const which = end.signal.aborted ? hurry : end;
      which.abort(new Error(`received ${signal}`));
    };
    Deno.addSignalListener(signal, handler);
    return { signal, handler };
  });
  return signals;
}
