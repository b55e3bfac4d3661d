/**
 * The crash harness: writers use the mounts of a daemon and note what was acknowledged; the daemon is
 * killed and started again; all is uploaded; then the buckets must hold what was acknowledged, and the
 * mounts must show what the buckets hold. So many rounds, each going on with what the last one left.
 */
import { ControlClient } from "../../src/control/client.ts";
import {
  type BucketName,
  type MountedBuckets,
  withMountedBuckets,
} from "../support/mount_daemon.ts";
import { printNote, sh } from "../support/mount_programs.ts";
import type { SeededRandom } from "../support/seeded_random.ts";
import { DeviationError, recognised } from "./compare.ts";
import { Endpoint, type EndpointKind } from "./endpoint.ts";
import { type DirectoryNode, newDirectory, possibleStates } from "./expected_tree.ts";
import { describeMoment, type Moment, pickMoment } from "./kill_moments.ts";
import { findInBucket, mustShow, unfinishedUploads } from "./observe.ts";
import { notesAbout } from "./writer_log.ts";
import { watchState } from "./watch_state.ts";
import {
  findPython,
  type RunningWriter,
  scanFolder,
  type Scanned,
  startWriter,
  WEIGHTS,
  type Weights,
  type WriterKill,
} from "./writers.ts";

export interface CrashOptions {
  readonly random: SeededRandom;
  readonly kills: number;
  readonly server: "real" | "serve-s3";
  /** Of the bucket "alpha"; "beta" has a good one. */
  readonly endpoint: EndpointKind;
  /** Does something to the bucket "alpha" or the state after a kill, to see that it is noticed. */
  readonly sabotage?: (run: Sabotage) => Promise<void>;
}

export interface Sabotage {
  readonly mounted: MountedBuckets;
  readonly round: number;
  /** Before the daemon is started again, or when all is uploaded. */
  readonly when: "killed" | "flushed";
}

export interface CrashReport {
  readonly kills: number;
  readonly acknowledged: number;
  /** How many kills at each moment; "late" when that moment did not come. */
  readonly moments: ReadonlyMap<string, number>;
  /** Staged files and unfinished uploads that are left, though all is uploaded. */
  readonly remains: readonly string[];
}

/** Set it to a directory to have the state of a failed run copied there. */
const KEEP_VARIABLE = "CLOUDMOUNT_CRASH_KEEP";
/** The moment of the kill did not come: it is done now. */
const ROUND_MS = 3000;
/** Writers notice that the mount is gone. */
const WRITERS_END_MS = 15_000;
const FLUSH_MS = 60_000;
/** Uploads of files that were not acknowledged are removed every five seconds. */
const TIDY_MS = 15_000;
const LOOK_AGAIN_MS = 500;
/** A second kill, while the daemon starts and uploads what the first one left. */
const SECOND_KILL_PROBABILITY = 0.25;
const SECOND_KILL_MS_MAX = 1500;
const LOG_TAIL = 5;

/** Runs the harness; throws at the first deviation. Needs root, /dev/fuse and Python. */
export async function runCrashes(options: CrashOptions): Promise<CrashReport> {
  await using endpoint = new Endpoint(options.endpoint, options.random.seed);
  let report: CrashReport | undefined;
  await withMountedBuckets(async (mounted) => {
    const run = new CrashRun(options, mounted, endpoint, await findPython());
    report = await run.all();
  }, {
    server: options.server,
    defaults: 'metadata_ttl = "5m"',
    mounts: {
      alpha: 'durability = "journal"\nfsync = "journal"',
      beta: 'durability = "remote"\nfsync = "remote"',
    },
    endpoint: (bucket, url) => bucket === "alpha" ? endpoint.start(url) : Promise.resolve(url),
  });
  return report!;
}

/** A writer's directory over all rounds. */
interface Place {
  readonly name: string;
  readonly bucket: BucketName;
  readonly weights: Weights;
  tree: DirectoryNode;
}

class CrashRun {
  readonly #options: CrashOptions;
  readonly #mounted: MountedBuckets;
  readonly #endpoint: Endpoint;
  readonly #python: string;
  readonly #places: Place[];
  readonly #moments = new Map<string, number>();
  #kills = 0;
  #acknowledged = 0;

  constructor(
    options: CrashOptions,
    mounted: MountedBuckets,
    endpoint: Endpoint,
    python: string,
  ) {
    this.#options = options;
    this.#mounted = mounted;
    this.#endpoint = endpoint;
    this.#python = python;
    const place = (name: string, bucket: BucketName, weights: Partial<Weights>): Place => ({
      name,
      bucket,
      weights: { ...WEIGHTS, ...weights },
      tree: newDirectory(),
    });
    this.#places = options.endpoint === "down"
      // Directories are renamed by S3: not while it is out of reach.
      ? [
        place("w0", "alpha", { rename_directory: 0 }),
        place("w1", "alpha", { rename_directory: 0, large: 5 }),
      ]
      : [
        place("w0", "alpha", {}),
        place("w1", "alpha", {}),
        place("w2", "alpha", { large: 10 }),
        // Waits for S3: its large files go up while they are written.
        place("w3", "beta", { large: 5 }),
      ];
  }

  async all(): Promise<CrashReport> {
    for (const { name, bucket } of this.#places) {
      // Not with the mount as working directory: to go there would block this process, the gate too.
      await sh("/", `mkdir "${this.#mounted.path(bucket)}/${name}"`);
    }
    await this.#flush();
    await this.#scan();
    for (let round = 0; this.#kills < this.#options.kills; round++) await this.#round(round);
    return {
      kills: this.#kills,
      acknowledged: this.#acknowledged,
      moments: this.#moments,
      remains: await this.#lastRemains(),
    };
  }

  async #round(round: number): Promise<void> {
    const { random, endpoint } = this.#options;
    const moment = pickMoment(
      random,
      round,
      endpoint === "down"
        ? ["writer", "state", "delay"]
        : ["writer", "request", "delay", "request", "state", "request"],
    );
    let writers: readonly RunningWriter[] = [];
    try {
      await this.#endpoint.worsen();
      writers = this.#startWriters(round, moment);
      await this.#killAt(moment, writers);
      await this.#writersEnd(writers);
      await this.#options.sabotage?.({ mounted: this.#mounted, round, when: "killed" });
      await this.#endpoint.recover();
      await this.#startAgain();
      await this.#check(round, writers);
    } catch (error) {
      throw new Error(
        `Round ${round}, killed at: ${JSON.stringify(moment)}\n${await this.#explain(writers)}`,
        { cause: error },
      );
    }
  }

  #startWriters(round: number, moment: Moment): RunningWriter[] {
    const { random } = this.#options;
    const killer = moment.kind === "writer" ? random.below(this.#places.length) : -1;
    return this.#places.map((place, index) =>
      startWriter(this.#python, {
        name: place.name,
        folder: `${this.#mounted.path(place.bucket)}/${place.name}`,
        tree: place.tree,
        log: `${this.#mounted.folder}/log-${round}-${place.name}`,
        round,
        seed: random.below(2 ** 31),
        seconds: ROUND_MS / 1000 + 2,
        weights: place.weights,
        pause_ms: 10,
        kill: index === killer ? writerKill(moment, this.#mounted.pid) : null,
      })
    );
  }

  /** Resolves when the daemon is dead. */
  async #killAt(moment: Moment, writers: readonly RunningWriter[]): Promise<void> {
    const { pid } = this.#mounted;
    const { promise: dead, resolve: isDead } = Promise.withResolvers<string>();
    const kill = (): void => {
      Deno.kill(pid, "SIGKILL");
      isDead(describeMoment(moment));
    };
    const timer = setTimeout(() => isDead("late"), ROUND_MS);
    using stack = new DisposableStack();
    stack.defer(() => clearTimeout(timer));
    if (moment.kind === "delay") {
      const early = setTimeout(kill, moment.ms);
      stack.defer(() => clearTimeout(early));
    } else if (moment.kind === "request") {
      const { gate } = this.#endpoint;
      gate!.watch({ kind: moment.request, moment: moment.moment, nth: moment.nth }, kill);
      stack.defer(() => gate!.unwatch());
    } else if (moment.kind === "state") {
      stack.use(watchState(`${this.#mounted.folder}/state`, moment.what, moment.nth, kill));
    }
    // A writer that killed it ends at once, as do the others.
    void Promise.all(writers.map(({ ended }) => ended)).then(() => isDead(describeMoment(moment)));
    const when = await dead;
    await this.#kill(when);
  }

  async #kill(when: string): Promise<void> {
    await this.#mounted.kill();
    this.#kills++;
    this.#moments.set(when, (this.#moments.get(when) ?? 0) + 1);
  }

  async #writersEnd(writers: readonly RunningWriter[]): Promise<void> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => reject(new Error("A writer waits, though the daemon is dead")),
      WRITERS_END_MS,
    );
    try {
      for (const { name, ended } of writers) {
        const said = await Promise.race([ended, late]);
        if (said !== "") throw new Error(`Writer ${name} broke: ${said}`);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Starts the daemon, and may kill it while it starts or uploads, and start it once more. */
  async #startAgain(): Promise<void> {
    const { random } = this.#options;
    if (random.next() < SECOND_KILL_PROBABILITY) {
      const starting = this.#mounted.start().catch(() => {
        // It may be killed before it is ready.
      });
      await new Promise((resolve) => setTimeout(resolve, random.below(SECOND_KILL_MS_MAX)));
      await this.#kill("recovering");
      await starting;
    }
    await this.#mounted.start();
  }

  async #check(round: number, writers: readonly RunningWriter[]): Promise<void> {
    const atOnce = await this.#scan();
    if (this.#options.endpoint === "faulty") await this.#endpoint.worsen();
    await this.#flush();
    const later = await this.#scan();
    await this.#options.sabotage?.({ mounted: this.#mounted, round, when: "flushed" });
    for (const [index, place] of this.#places.entries()) {
      const { notes, unexpected } = await writers[index]!.readLog();
      if (unexpected !== undefined) throw new Error(`Writer ${place.name} met: ${unexpected}`);
      this.#acknowledged += notes.filter(({ acknowledged }) => acknowledged).length;
      const found = await findInBucket(this.#mounted.other(place.bucket), `${place.name}/`);
      try {
        place.tree = recognised(possibleStates(place.tree, notes), found);
        for (const [when, scans] of [["at once", atOnce], ["when uploaded", later]] as const) {
          mustShow(scans.get(place.name)!, found, place.tree, when);
        }
      } catch (error) {
        if (!(error instanceof DeviationError)) throw error;
        const about = notesAbout(notes, error.paths).map((note) => `  ${JSON.stringify(note)}`);
        throw new Error(
          `In the directory of ${place.name}; its notes on that:\n${about.join("\n")}`,
          {
            cause: error,
          },
        );
      }
    }
    await this.#checkRest();
  }

  /** Nothing but the writers' directories, no conflicts, nothing set aside. */
  async #checkRest(): Promise<void> {
    for (const bucket of ["alpha", "beta"] as const) {
      const { conflicts, uploads } = await this.#mounted.status(bucket);
      if (conflicts.length > 0) throw new Error(`Conflicts: ${JSON.stringify(conflicts)}`);
      if (uploads.pending_files > 0) throw new Error(`Still pending: ${JSON.stringify(uploads)}`);
      const mine = this.#places.filter((place) => place.bucket === bucket);
      const strange = (await this.#mounted.other(bucket).keys())
        .filter((key) => !mine.some(({ name }) => key.startsWith(`${name}/`)));
      if (strange.length > 0) throw new Error(`Strange keys: ${strange.join(", ")}`);
    }
    const lost = await filesBelow(`${this.#mounted.folder}/state/lost+found`);
    if (lost.length > 0) throw new Error(`Set aside: ${lost.join(", ")}`);
  }

  /** What is left although there was time to remove it. */
  async #lastRemains(): Promise<readonly string[]> {
    const untilMs = performance.now() + TIDY_MS;
    for (;;) {
      const remains = await this.#remains();
      if (remains.length === 0 || performance.now() > untilMs) return remains;
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    }
  }

  async #remains(): Promise<string[]> {
    const staged = await filesBelow(`${this.#mounted.folder}/state/staged`);
    const remains = staged.map((name) => `staged file ${name}`);
    for (const bucket of ["alpha", "beta"] as const) {
      const uploads = await unfinishedUploads(this.#mounted.server, bucket);
      remains.push(
        ...uploads.map((key) => `upload of ${bucket}/${key}`),
      );
    }
    return remains;
  }

  async #scan(): Promise<ReadonlyMap<string, readonly Scanned[]>> {
    const scans = new Map<string, readonly Scanned[]>();
    for (const { name, bucket } of this.#places) {
      scans.set(name, await scanFolder(this.#python, `${this.#mounted.path(bucket)}/${name}`));
    }
    return scans;
  }

  async #flush(): Promise<void> {
    using client = new ControlClient(`${this.#mounted.folder}/control.sock`);
    for (const bucket of ["alpha", "beta"]) {
      await client.flushMount(bucket, FLUSH_MS, AbortSignal.timeout(FLUSH_MS * 2));
    }
  }

  /** The last words of each writer; keeps everything if that is wished. */
  async #explain(writers: readonly RunningWriter[]): Promise<string> {
    const tails = await Promise.all(writers.map(async ({ name, readLog }) => {
      const { notes, failed, unexpected } = await readLog();
      const lines = notes.slice(-LOG_TAIL).map((note) => `  ${JSON.stringify(note)}`);
      return `${name} (${unexpected ?? failed ?? "ended"}):\n${lines.join("\n")}`;
    }));
    const keep = Deno.env.get(KEEP_VARIABLE);
    if (keep !== undefined) {
      const { folder } = this.#mounted;
      await sh("/", `mkdir -p "${keep}"; cp -a ${folder}/state ${folder}/log-* "${keep}"`);
      await printNote(`state and logs are in ${keep}`);
    } else tails.push(`(set ${KEEP_VARIABLE}=DIRECTORY to keep state and logs)`);
    return tails.join("\n");
  }
}

function writerKill(moment: Moment, pid: number): WriterKill | null {
  if (moment.kind !== "writer") return null;
  const { at, ops, nth, delayUs } = moment;
  return { pid, at, ops, nth, delay_us: delayUs };
}

async function filesBelow(folder: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (!isDirectory) names.push(name);
    else for (const below of await filesBelow(`${folder}/${name}`)) names.push(`${name}/${below}`);
  }
  return names;
}
