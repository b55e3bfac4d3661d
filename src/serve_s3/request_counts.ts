/** Exact counts of the requests received, by S3 operation name ("GetObject", "ListObjectsV2", ...). */
export class RequestCounts {
  readonly #counts = new Map<string, number>();

  /** How often `operation` was asked for since the start or the last reset, failures included. */
  get(operation: string): number {
    return this.#counts.get(operation) ?? 0;
  }

  /** The sum over all operations. */
  get total(): number {
    let total = 0;
    for (const count of this.#counts.values()) total += count;
    return total;
  }

  /** A copy of all counts that are not zero. */
  snapshot(): Record<string, number> {
    return Object.fromEntries(this.#counts);
  }

  reset(): void {
    this.#counts.clear();
  }

  add(operation: string): void {
    this.#counts.set(operation, this.get(operation) + 1);
  }
}
