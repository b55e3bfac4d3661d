/**
 * Who waits for something that several mounts share. Mounts are served in turn, so none waits longer
 * because another one asks more often; within a mount small requests and bulk data take turns, so
 * neither waits for all of the other; and within these the order is that of arrival.
 */

/** Listings, attributes and small files; or much data, where single requests take long anyway. */
export type Kind = "small" | "bulk";

/** Those of one mount that wait. */
export class FairLine<Waiter> {
  readonly #waiting = { small: new Set<Waiter>(), bulk: new Set<Waiter>() };
  #lastKind: Kind = "bulk";

  /** How many wait. */
  count(kind: Kind): number {
    return this.#waiting[kind].size;
  }

  add(kind: Kind, waiter: Waiter): void {
    this.#waiting[kind].add(waiter);
  }

  /** Does nothing when it does not wait any more. */
  remove(kind: Kind, waiter: Waiter): void {
    this.#waiting[kind].delete(waiter);
  }

  /** Called by the queue: takes the one whose turn it is among those of kinds that may go. */
  _next(mayGo: (kind: Kind) => boolean): Waiter | undefined {
    const other = this.#lastKind === "bulk" ? "small" : "bulk";
    for (const kind of [other, this.#lastKind] as const) {
      const [first] = this.#waiting[kind];
      if (first === undefined || !mayGo(kind)) continue;
      this.#waiting[kind].delete(first);
      this.#lastKind = kind;
      return first;
    }
    return undefined;
  }
}

export class FairQueue<Waiter> {
  /** In the order in which they are served next. */
  #lines: FairLine<Waiter>[] = [];

  /** A line for one more mount. */
  join(): FairLine<Waiter> {
    const line = new FairLine<Waiter>();
    this.#lines.push(line);
    return line;
  }

  leave(line: FairLine<Waiter>): void {
    this.#lines = this.#lines.filter((other) => other !== line);
  }

  /** Takes the next one that may go; undefined when there is none. */
  next(mayGo: (line: FairLine<Waiter>, kind: Kind) => boolean): Waiter | undefined {
    for (const line of this.#lines) {
      const waiter = line._next((kind) => mayGo(line, kind));
      if (waiter === undefined) continue;
      this.#lines = [...this.#lines.filter((other) => other !== line), line];
      return waiter;
    }
    return undefined;
  }
}
