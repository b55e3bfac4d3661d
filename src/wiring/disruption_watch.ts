/**
 * Notices when connections are not to be trusted any more: after sleep, and when the network has changed.
 *
 * Sleep is what the wall clock counts and the monotonic one does not, looked at every few seconds: that
 * works on every system and asks for nothing. Where the system tells of its waking (system_bus.ts), it is
 * noticed at once. On macOS there is no such news without a run loop of its own; the clocks do there.
 */
import { ClockJumps } from "../base/clock_jumps.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { formatDuration } from "../base/units.ts";
import type { NetworkState } from "../net/network_state.ts";

const BEAT_MS = 5_000;

/** What has happened, and how it is now. */
export interface Disruption {
  /** The system has slept, or its clock was set: no connection is what it was. */
  readonly isTimeBroken: boolean;
  readonly network: NetworkState;
}

/** Tells of the system's waking. */
export type WatchWaking = (onWake: () => void, signal: AbortSignal) => Promise<void>;

export interface DisruptionWatchOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly readNetwork: () => Promise<NetworkState>;
  /** Resolves when it cannot tell, or when the signal has fired; never rejects. */
  readonly watchWaking: WatchWaking;
  readonly onDisruption: (disruption: Disruption) => void;
  /** Called at each look. */
  readonly onBeat: () => void;
}

export class DisruptionWatch {
  readonly #options: DisruptionWatchOptions;
  readonly #jumps: ClockJumps;
  readonly #closing = new AbortController();
  readonly #running: Promise<unknown>;
  /** Ends the time between two looks. */
  #hurry = new AbortController();
  #isWoken = false;

  constructor(options: DisruptionWatchOptions) {
    this.#options = options;
    this.#jumps = new ClockJumps(options.clock);
    const onWake = () => {
      this.#isWoken = true;
      this.#hurry.abort();
    };
    const { signal } = this.#closing;
    this.#running = Promise.all([this.#watch(), options.watchWaking(onWake, signal)]);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#hurry.abort();
    await this.#running;
  }

  async #watch(): Promise<void> {
    const { clock, readNetwork, onBeat } = this.#options;
    const { signal } = this.#closing;
    let before = await readNetwork();
    while (!signal.aborted) {
      await clock.sleep(BEAT_MS, this.#hurry.signal).catch(() =>
        this.#hurry = new AbortController()
      );
      if (signal.aborted) return;
      const network = await readNetwork();
      this.#look(before, network);
      before = network;
      onBeat();
    }
  }

  #look(before: NetworkState, network: NetworkState): void {
    const { log, onDisruption } = this.#options;
    const jumpMs = this.#jumps.look();
    const isTimeBroken = jumpMs !== 0 || this.#isWoken;
    this.#isWoken = false;
    const hasMoved = network.fingerprint !== before.fingerprint;
    if (!isTimeBroken && !hasMoved) return;
    if (isTimeBroken) {
      const time = formatDuration(Math.abs(jumpMs));
      const what = jumpMs < 0 ? "the clock was set back by" : "the system has slept for";
      log.info("{what} {time}: connections are made anew", { what, time });
    } else {
      log.info("The network has changed: connections are made anew");
    }
    onDisruption({ isTimeBroken, network });
  }
}
