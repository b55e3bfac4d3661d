/** The commands' end of the control API. */
import {
  type ClearedCacheDocument,
  type DrainOptions,
  type HealthDocument,
  type MountSettings,
  type MountStatus,
  type Problem,
  ProblemError,
  type ReloadDocument,
  type ShutdownDocument,
  type StatusDocument,
} from "./protocol.ts";

/** Nobody answers on the control socket. */
export class NoDaemonError extends Error {
  override readonly name = "NoDaemonError";
}

/** A daemon answers, but not in time. */
export class ControlTimeoutError extends Error {
  override readonly name = "ControlTimeoutError";
}

/** What needs no work in the daemon is answered at once. */
const QUICK_MS = 10_000;
/** The daemon bounds a start itself (see MountedBucket); this is a little more. */
const START_MS = 60_000;
/** Draining what has to be mounted anew (see Supervisor), unmounting, mounting. */
const APPLY_MS = 180_000;
/** A million files that are deleted on a slow disk. */
const CLEAR_MS = 600_000;
/** Beyond the timeout that the daemon was asked to keep: unmounting and the way back. */
const EXTRA_MS = 30_000;

/**
 * Talks to the daemon that listens on `socketPath`. Methods throw `NoDaemonError`,
 * `ControlTimeoutError`, `ProblemError` (the daemon's own words), or the signal's reason.
 */
export class ControlClient {
  readonly #socketPath: string;
  readonly #http: Deno.HttpClient;

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
    this.#http = Deno.createHttpClient({ proxy: { transport: "unix", path: socketPath } });
  }

  /** Resolves with the document also when the daemon is not healthy. */
  async health(signal: AbortSignal): Promise<HealthDocument> {
    return await this.#call("GET", "/health", QUICK_MS, signal, { alsoGood: 503 });
  }

  async status(signal: AbortSignal): Promise<StatusDocument> {
    return await this.#call("GET", "/status", QUICK_MS, signal);
  }

  async startMount(id: string, signal: AbortSignal): Promise<MountStatus> {
    return await this.#call("POST", `/mounts/${encodeURIComponent(id)}/start`, START_MS, signal);
  }

  async stopMount(id: string, options: DrainOptions, signal: AbortSignal): Promise<MountStatus> {
    const path = `/mounts/${encodeURIComponent(id)}/stop?${drainQuery(options)}`;
    return await this.#call("POST", path, options.timeoutMs + EXTRA_MS, signal);
  }

  async flushMount(id: string, timeoutMs: number, signal: AbortSignal): Promise<MountStatus> {
    const path = `/mounts/${encodeURIComponent(id)}/flush?timeout_seconds=${timeoutMs / 1000}`;
    return await this.#call("POST", path, timeoutMs + EXTRA_MS, signal);
  }

  /** Waits for mounts that are drained and mounted anew. */
  async reload(signal: AbortSignal): Promise<ReloadDocument> {
    return await this.#call("POST", "/reload", APPLY_MS, signal);
  }

  async addMount(settings: MountSettings, signal: AbortSignal): Promise<MountStatus> {
    return await this.#call("POST", "/mounts", APPLY_MS, signal, { body: settings });
  }

  async changeMount(
    id: string,
    settings: MountSettings,
    signal: AbortSignal,
  ): Promise<MountStatus> {
    const path = `/mounts/${encodeURIComponent(id)}`;
    return await this.#call("PATCH", path, APPLY_MS, signal, { body: settings });
  }

  async removeMount(id: string, options: DrainOptions, signal: AbortSignal): Promise<MountStatus> {
    const path = `/mounts/${encodeURIComponent(id)}?${drainQuery(options)}`;
    return await this.#call("DELETE", path, options.timeoutMs + EXTRA_MS, signal);
  }

  async clearCache(id: string | undefined, signal: AbortSignal): Promise<ClearedCacheDocument> {
    const query = id === undefined ? "" : `?mount=${encodeURIComponent(id)}`;
    return await this.#call("POST", `/cache/clear${query}`, CLEAR_MS, signal);
  }

  async shutdown(options: DrainOptions, signal: AbortSignal): Promise<ShutdownDocument> {
    const path = `/shutdown?${drainQuery(options)}`;
    return await this.#call("POST", path, options.timeoutMs + EXTRA_MS, signal);
  }

  /** Another process goes on with the mounts of this daemon; 409 when there would be none. */
  async restart(signal: AbortSignal): Promise<void> {
    await this.#call("POST", "/restart", EXTRA_MS, signal);
  }

  close(): void {
    this.#http.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #call<T>(
    method: "GET" | "POST" | "PATCH" | "DELETE",
    path: string,
    deadlineMs: number,
    signal: AbortSignal,
    more: { readonly alsoGood?: number; readonly body?: unknown } = {},
  ): Promise<T> {
    const deadline = AbortSignal.timeout(deadlineMs);
    try {
      const response = await fetch(`http://localhost/api/v0${path}`, {
        method,
        ...(more.body === undefined ? {} : { body: JSON.stringify(more.body) }),
        client: this.#http,
        signal: AbortSignal.any([signal, deadline]),
      });
      const body: unknown = JSON.parse(await response.text());
      if (response.ok || response.status === more.alsoGood) return body as T;
      throw new ProblemError(body as Problem);
    } catch (error) {
      if (error instanceof ProblemError) throw error;
      if (signal.aborted) throw signal.reason;
      if (deadline.aborted) {
        throw new ControlTimeoutError(
          `Cannot ${method} ${path}: the daemon did not answer in ${deadlineMs / 1000} s`,
        );
      }
      throw new NoDaemonError(
        `Cannot reach the daemon: nobody answers on "${this.#socketPath}"`,
        { cause: error },
      );
    }
  }
}

function drainQuery(options: DrainOptions): string {
  return `timeout_seconds=${options.timeoutMs / 1000}&force=${options.force}`;
}
