/** Connections kept alive for the next request to the same origin, whichever mount sends it. */
import type { Clock } from "../base/clock.ts";
import type { Http1Connection } from "./http1_connection.ts";

/**
 * A connection that was idle for longer is not trusted: a router may have forgotten it without a word.
 * That a server has ended it (AWS: after about 20 s) is noticed anyway.
 */
const IDLE_MS_MAX = 60_000;

interface Idle {
  readonly connection: Http1Connection;
  readonly sinceMs: number;
}

export class IdleConnections {
  readonly #clock: Clock;
  readonly #limit: number;
  /** By origin, each list in the order in which they became idle. */
  readonly #idle = new Map<string, Idle[]>();

  /** Keeps at most `limit` for each origin. */
  constructor(clock: Clock, limit: number) {
    this.#clock = clock;
    this.#limit = limit;
  }

  /** The one that was used last: the others may grow old. */
  take(origin: string): Http1Connection | undefined {
    const last = this.#idle.get(origin)?.pop();
    if (last === undefined) return undefined;
    if (this.#clock.monotonicMs() - last.sinceMs <= IDLE_MS_MAX) return last.connection;
    last.connection.close();
    this.#closeAll(origin); // all others are older
    return undefined;
  }

  /** Nothing may be under way on the connection. */
  put(origin: string, connection: Http1Connection): void {
    let list = this.#idle.get(origin);
    if (list === undefined) this.#idle.set(origin, list = []);
    list.push({ connection, sinceMs: this.#clock.monotonicMs() });
    if (list.length > this.#limit) list.shift()!.connection.close();
    connection.watch(() => this.#remove(origin, connection));
  }

  clear(): void {
    for (const origin of [...this.#idle.keys()]) this.#closeAll(origin);
  }

  #closeAll(origin: string): void {
    for (const { connection } of this.#idle.get(origin) ?? []) connection.close();
    this.#idle.delete(origin);
  }

  #remove(origin: string, connection: Http1Connection): void {
    const left = (this.#idle.get(origin) ?? []).filter((idle) => idle.connection !== connection);
    if (left.length === 0) this.#idle.delete(origin);
    else this.#idle.set(origin, left);
    connection.close();
  }
}
