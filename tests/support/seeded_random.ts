/** Random numbers that can be had again: the seed is printed when a test fails. */

/** mulberry32: small and good enough for tests. */
export class SeededRandom {
  #state: number;
  readonly seed: number;

  constructor(seed: number = (Date.now() ^ (performance.now() * 1000)) >>> 0) {
    this.seed = seed;
    this.#state = seed;
  }

  /** 0 <= x < 1 */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** An integer, 0 <= x < below. */
  below(below: number): number {
    return Math.floor(this.next() * below);
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  bytes(size: number): Uint8Array<ArrayBuffer> {
    const result = new Uint8Array(size);
    for (let i = 0; i < size; i++) result[i] = this.below(256);
    return result;
  }
}

/**
 * Runs `body` with the seed of CLOUDMOUNT_TEST_SEED, else with `usual`, else with a random one, and names
 * the seed on failure.
 */
export async function withSeed(
  body: (random: SeededRandom) => void | Promise<void>,
  usual?: number,
): Promise<void> {
  const given = Deno.env.get("CLOUDMOUNT_TEST_SEED") ?? usual;
  const random = given === undefined ? new SeededRandom() : new SeededRandom(Number(given));
  const { seed } = random;
  try {
    await body(random);
  } catch (error) {
    throw new Error(`Failed with CLOUDMOUNT_TEST_SEED=${seed}`, { cause: error });
  }
}
