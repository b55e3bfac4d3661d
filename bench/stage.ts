/** One peer with its mounts, in one round of one scenario: does the work, and takes the samples. */
import { run, until } from "./child.ts";
import type { DataSet } from "./data.ts";
import type { Line, Network } from "./line.ts";
import { Mounted } from "./mounted.ts";
import type { Ability, MountPlace, Peer, Site } from "./peers/peer.ts";
import type { Usage } from "./processes.ts";
import { minus, type RequestCounts } from "./request_kinds.ts";
import { rowOf, type Unit } from "./rows.ts";
import type { S3Client } from "./s3_client.ts";
import type { Sample } from "./sample.ts";
import type { Sizes } from "./sizes.ts";
import { type Done, type Operation, StuckError, type Workload } from "./workload.ts";

/** Rows that are measured one after another with the same mount. */
export interface Scenario {
  readonly rows: readonly string[];
  /** Buckets that are mounted, all to be read only. */
  readonly data?: readonly DataSet[];
  /** Without `data`: fills the bucket that is mounted, which is made for this run alone. */
  readonly fill?: (
    client: S3Client,
    bucket: string,
    sizes: Sizes,
    local: LocalFolders,
  ) => Promise<void>;
  readonly needs?: Ability;
  /** What fsync waits for; default: the journal. */
  readonly durability?: "remote";
  /** Mounted beside: an endpoint that takes connections and never answers. */
  readonly deadNeighbour?: boolean;
  run(stage: Stage): Promise<void>;
}

/** Folders on this machine that are copied or cloned into mounts. */
export type LocalFolders = Readonly<Record<"files" | "repo", string>>;

export interface StageOptions {
  readonly peer: Peer;
  readonly network: Network;
  readonly round: number;
  readonly line: Line;
  readonly workload: Workload;
  readonly client: S3Client;
  readonly sizes: Sizes;
  readonly site: Site;
  /** Rows that are wanted. */
  readonly rows: readonly string[];
  /** Rows in which this peer was cut off before. */
  readonly slowRows: Set<string>;
  readonly local: LocalFolders;
  onSample(sample: Sample): void;
}

/** Some programs note what is in their cache a while after a file was closed (rclone: 5 s). */
const KEEP_MS = 6000;
const STORED_MS = 60_000;

/** A program took longer than its limit; what comes after it in the scenario is left out. */
export class CutError extends Error {
  override readonly name = "CutError";
}

interface Reading {
  readonly requests: RequestCounts;
  readonly usage: Usage;
}

export class Stage {
  readonly #options: StageOptions;
  readonly #mounted: Mounted;
  readonly sizes: Sizes;

  constructor(options: StageOptions) {
    this.#options = options;
    this.sizes = options.sizes;
    this.#mounted = new Mounted(options.peer, options.site);
  }

  wants(row: string): boolean {
    return this.#options.rows.includes(row);
  }

  /** A path in the mount. */
  path(name = ""): string {
    const [place] = this.#options.site.places as [MountPlace];
    return name === "" ? place.path : `${place.path}/${name}`;
  }

  local(name: "files" | "repo"): string {
    return this.#options.local[name];
  }

  async mount(): Promise<void> {
    await dropCaches(this.#options.site.folder);
    await this.#mounted.start();
  }

  /** The same again with what the program kept on disk. */
  async restart(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, KEEP_MS));
    await this.#mounted.stop();
    await this.mount();
  }

  async stop(): Promise<void> {
    await this.#mounted.stop();
  }

  async kill(): Promise<void> {
    await this.#mounted.kill();
  }

  /** Work that is not measured. */
  async prepare(operation: Operation): Promise<void> {
    await this.#options.workload.run(operation, this.sizes.limitSeconds);
  }

  /**
   * Measures an operation for `row`; with `flushed`, until all is in S3, for that row. `stored` is a key
   * that must have another version there before it counts as done. `amount` is what a whole program is
   * counted as.
   */
  async measure(
    operation: Operation,
    { row, flushed, stored, amount }: {
      readonly row?: string;
      readonly flushed?: string;
      readonly stored?: string;
      readonly amount?: number;
    },
  ): Promise<void> {
    const { slowRows } = this.#options;
    const id = row ?? flushed ?? "";
    if (slowRows.has(id)) return;
    const limitSeconds = this.sizes.limitSeconds;
    const etag = stored === undefined ? undefined : await this.#etagOf(stored);
    this.#mounted.resetPeaks();
    const before = await this.#read();
    const done = await this.#runWithin(operation, limitSeconds);
    const between = await this.#read();
    if (done.isStuck === true) await this.#mounted.kill();
    if (row !== undefined) this.#sample(row, done, before, between, amount);
    if (flushed !== undefined) {
      const flushSeconds = done.cut ? 0 : await this.#flush(stored, etag);
      const whole = { ...done, seconds: done.seconds + flushSeconds };
      const after = done.cut ? between : await this.#read();
      this.#sample(flushed, whole, before, after, amount);
    }
    if (done.cut) slowRows.add(id);
    if (done.cut && done.done === 0) throw new CutError(`Cut off after ${limitSeconds} s`);
  }

  /** What the mount's processes hold now. */
  measureMemory(row: string): void {
    this.#push({ row, value: this.#mounted.usage().rssBytes / 2 ** 20 });
  }

  /** Seconds until all is in S3: `stored` in another version than `etag`. */
  async #flush(stored: string | undefined, etag: string | undefined): Promise<number> {
    const startMs = performance.now();
    await this.#mounted.flush();
    if (stored !== undefined) {
      await until(
        `${stored} is in S3`,
        STORED_MS,
        async () => ![undefined, etag].includes(await this.#etagOf(stored)),
      );
    }
    return (performance.now() - startMs) / 1000;
  }

  async #runWithin(operation: Operation, limitSeconds: number): Promise<Done> {
    try {
      return await this.#options.workload.run(operation, limitSeconds);
    } catch (error) {
      if (error instanceof StuckError) {
        return { seconds: limitSeconds, done: 0, total: 1, cut: true, isStuck: true };
      }
      throw error;
    }
  }

  async #etagOf(key: string): Promise<string | undefined> {
    const [place] = this.#options.site.places as [MountPlace];
    return await this.#options.client.etagOf(place.bucket, key);
  }

  async #read(): Promise<Reading> {
    return { requests: await this.#options.line.requests(), usage: this.#mounted.usage() };
  }

  #sample(
    row: string,
    done: Done,
    before: Reading,
    after: Reading,
    amount: number | undefined,
  ): void {
    const { value, isBound } = valueOf(rowOf(row).unit, done, amount);
    this.#push({
      row,
      value,
      isBound,
      requests: minus(after.requests, before.requests),
      cpuSeconds: Math.max(0, after.usage.cpuSeconds - before.usage.cpuSeconds),
      peakRssBytes: after.usage.peakRssBytes,
    });
  }

  #push(sample: Omit<Sample, "peer" | "network" | "round">): void {
    if (!this.wants(sample.row)) return;
    const { peer, network, round, onSample } = this.#options;
    onSample({ peer: peer.name, network, round, ...sample });
  }
}

/**
 * The figure in the row's unit. A rate that was cut off is the rate so far; a time is a bound then, and
 * so is the rate of a whole program, of which nobody knows how far it came.
 */
export function valueOf(
  unit: Unit,
  { seconds, done, cut }: Done,
  amount?: number,
): { readonly value: number; readonly isBound: boolean } {
  const count = amount ?? done;
  switch (unit) {
    case "MB/s":
      return { value: count / seconds / 1e6, isBound: cut && count === 0 };
    case "/s":
      return { value: count / seconds, isBound: cut && (amount !== undefined || count === 0) };
    case "ms":
      return { value: seconds * 1000, isBound: cut };
    case "s":
      return { value: seconds, isBound: cut };
    case "MiB":
      return { value: count / 2 ** 20, isBound: false };
  }
}

/** What files on disk are read again is read from the disk, as far as we may say so. */
async function dropCaches(folder: string): Promise<void> {
  // Only clean pages are dropped.
  await run("sync", ["-f", folder]);
  try {
    await Deno.writeTextFile("/proc/sys/vm/drop_caches", "3");
  } catch {
    // Not root: the caches of the mounts are gone with the mounts all the same.
  }
}
