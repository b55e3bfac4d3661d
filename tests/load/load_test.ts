/**
 * One daemon with many mounts under many programs and random faults. Short by itself; as long and as large as
 * CLOUDMOUNT_LOAD_SECONDS, CLOUDMOUNT_LOAD_MOUNTS and CLOUDMOUNT_LOAD_PROGRAMS say (see the task test:load).
 */
import assert from "node:assert/strict";
import { mountTest } from "../support/mount_daemon.ts";
import { eventually, printNote, run } from "../support/mount_programs.ts";
import { withSeed } from "../support/seeded_random.ts";
import { DaemonUnderLoad, type Turn } from "./daemon_under_load.ts";
import type { ProcessUsage } from "./process_usage.ts";

const SECONDS = Number(Deno.env.get("CLOUDMOUNT_LOAD_SECONDS") ?? 16);
const MOUNTS = Number(Deno.env.get("CLOUDMOUNT_LOAD_MOUNTS") ?? 5);
const PROGRAMS = Number(Deno.env.get("CLOUDMOUNT_LOAD_PROGRAMS") ?? 30);
const SCRIPT = new URL("./programs.py", import.meta.url).pathname;
const MiB = 2 ** 20;
/** A call fails no later than this after the fault that it met, and no sooner. */
const DEADLINE_SECONDS = 30 + 10;
/** The daemon's memory_limit, which bounds what it may keep beyond what it had at the start. */
const MEMORY_BYTES = 128 * MiB;
/** Connections and the files of caches stay open for a while. */
const DESCRIPTORS = 200;
const SAMPLE_MS = 500;
const RETURN_SECONDS = 60;
/** An answer about the status never waits for S3 or for a mount. */
const STATUS_MS_MAX = 10_000;

interface Outcome {
  readonly calls: Readonly<Record<string, number>>;
  readonly slowest: readonly [seconds: number, what: string];
  readonly kept: Readonly<Record<string, string>>;
}

interface Failure {
  readonly at: number;
  readonly errno: number;
  readonly name: string;
  readonly what: string;
}

mountTest(
  "many programs in many mounts meet no error that no fault explains, and nothing leaks",
  () =>
    withSeed(async ({ seed }) => {
      await using daemon = await DaemonUnderLoad.start(MOUNTS, seed);
      try {
        await test(daemon, seed);
      } catch (cause) {
        throw new Error(`The daemon's last words:\n${await daemon.lastWords()}`, { cause });
      }
      await daemon.stop();
      for (const { name } of Deno.readDirSync(`${daemon.folder}/state/staged`)) {
        const left = [...Deno.readDirSync(`${daemon.folder}/state/staged/${name}`)];
        assert.equal(left.length, 0, "staged files are left behind");
      }
    }),
);

async function test(daemon: DaemonUnderLoad, seed: number): Promise<void> {
  await putShared(daemon);
  const before = await daemon.usage();
  await using samples = new Samples(daemon);
  await daemon.tell("faults");
  const { failures, outcome } = await runPrograms(daemon, seed);
  await daemon.tell("calm");
  const isUploaded = async () =>
    (await daemon.status()).mounts.every(({ uploads }) => uploads.pending_files === 0);
  await eventually("all is in S3", isUploaded, 120);
  await eventually("all is well", async () => (await daemon.status()).healthy, 90);
  const after = await returned(daemon, before);
  await report({ daemon, outcome, failures, samples, before, after });
  await compare(daemon, outcome);
  for (const failure of failures) {
    assert.ok(isExplained(failure, daemon.turns), `unexplained: ${JSON.stringify(failure)}`);
  }
  const { mounts } = await daemon.status();
  assert.deepEqual(mounts.flatMap(({ conflicts }) => conflicts), [], "in conflict with itself");
  assert.ok(after.rssBytes <= before.rssBytes + MEMORY_BYTES, "memory is not given back");
  assert.ok(after.descriptors <= before.descriptors + DESCRIPTORS, "descriptors are left behind");
  assert.ok(Math.max(...samples.statusMs) < STATUS_MS_MAX, "the status hung");
}

/** What the daemon uses when it has given back what it needed for the load, or does not. */
async function returned(daemon: DaemonUnderLoad, before: ProcessUsage): Promise<ProcessUsage> {
  for (let second = 0;; second++) {
    const usage = await daemon.usage();
    const isBack = usage.rssBytes <= before.rssBytes + MEMORY_BYTES &&
      usage.descriptors <= before.descriptors + DESCRIPTORS;
    if (isBack || second === RETURN_SECONDS) return usage;
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

async function putShared(daemon: DaemonUnderLoad): Promise<void> {
  for (let mount = 0; mount < MOUNTS; mount++) {
    using client = daemon.other(mount);
    for (let number = 0; number < 50; number++) {
      await client.put(`shared/${number}`, `${number} `.repeat(5000));
    }
  }
}

async function runPrograms(
  daemon: DaemonUnderLoad,
  seed: number,
): Promise<{ failures: Failure[]; outcome: Outcome }> {
  const file = `${daemon.folder}/outcome.json`;
  const { code, stdout, stderr } = await run(
    "python3",
    [SCRIPT, String(seed), String(PROGRAMS), String(SECONDS), file, ...daemon.paths],
    { seconds: SECONDS + 2 * DEADLINE_SECONDS },
  );
  assert.equal(code, 0, stderr);
  const failures = stdout.split("\n").filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Failure);
  return { failures, outcome: JSON.parse(await Deno.readTextFile(file)) as Outcome };
}

/** What was acknowledged last is in S3. */
async function compare(daemon: DaemonUnderLoad, { kept }: Outcome): Promise<void> {
  for (const [mount, path] of daemon.paths.entries()) {
    using client = daemon.other(mount);
    for (const [file, sha256] of Object.entries(kept)) {
      if (!file.startsWith(`${path}/`)) continue;
      assert.equal(await client.sha256(file.slice(path.length + 1)), sha256, file);
    }
  }
}

/** Only what a fault can cause, and only while one was there or had been. */
function isExplained({ at, name }: Failure, turns: readonly Turn[]): boolean {
  if (name !== "EIO" && name !== "ETIMEDOUT") return false;
  return turns.some((turn, index) => {
    const end = turns[index + 1]?.at ?? Infinity;
    return turn.faults !== null && at > turn.at && at < end + DEADLINE_SECONDS;
  });
}

/** Looks at the daemon twice a second. */
class Samples implements AsyncDisposable {
  readonly statusMs: number[] = [];
  /** How long the daemon's main thread was computing meanwhile: the rest is a machine that is busy. */
  readonly statusCpuMs: number[] = [];
  readonly usages: ProcessUsage[] = [];
  readonly #daemon: DaemonUnderLoad;
  readonly #running: Promise<void>;
  #isOver = false;

  constructor(daemon: DaemonUnderLoad) {
    this.#daemon = daemon;
    this.#running = this.#run();
    this.#running.catch(() => {}); // told at the end
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      const before = await this.#daemon.usage();
      const startMs = performance.now();
      await this.#daemon.status().catch(() => {}); // it has taken as long as an answer may take
      this.statusMs.push(performance.now() - startMs);
      const usage = await this.#daemon.usage();
      this.statusCpuMs.push(usage.mainCpuMs - before.mainCpuMs);
      this.usages.push(usage);
      await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS));
    }
  }
}

interface Findings {
  readonly daemon: DaemonUnderLoad;
  readonly outcome: Outcome;
  readonly failures: readonly Failure[];
  readonly samples: Samples;
  readonly before: ProcessUsage;
  readonly after: ProcessUsage;
}

async function report(findings: Findings): Promise<void> {
  const { daemon, outcome, failures, samples, before, after } = findings;
  const { mounts } = await daemon.status();
  const sum = (numbers: readonly number[]) => numbers.reduce((all, number) => all + number, 0);
  const quantiles = (values: readonly number[]) => {
    const sorted = values.toSorted((a, b) => a - b);
    const quantile = (share: number) =>
      Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!);
    return `p50 ${quantile(0.5)} ms, p99 ${quantile(0.99)} ms, longest ${quantile(1)} ms`;
  };
  const course = (of: (usage: ProcessUsage) => number) => {
    const values = samples.usages.map(of);
    return `${of(before)}, at most ${Math.max(...values)}, then ${of(after)}`;
  };
  const names = new Map<string, number>();
  for (const { name } of failures) names.set(name, (names.get(name) ?? 0) + 1);
  await printNote([
    `${MOUNTS} mounts, ${PROGRAMS} programs, ${SECONDS} s, ` +
    `${daemon.turns.filter(({ faults }) => faults !== null).length} turns of faults`,
    `calls: ${sum(Object.values(outcome.calls))}, the slowest (${outcome.slowest[1]}) ` +
    `${outcome.slowest[0].toFixed(1)} s; errors: ${
      [...names].map(([name, count]) => `${count} ${name}`).join(", ") || "none"
    }`,
    `requests that failed: ${sum(mounts.map(({ requests }) => requests.errors))}, repeated: ` +
    `${sum(mounts.map(({ requests }) => requests.retries))}; conflicts: ` +
    `${sum(mounts.map(({ conflicts }) => conflicts.length))}`,
    `status: ${quantiles(samples.statusMs)}; of it computing: ${quantiles(samples.statusCpuMs)}`,
    ...mounts.flatMap(({ conflicts }) => conflicts).slice(0, 3).map(({ path, copy }) =>
      `  ${path}: ${copy ?? "what was removed here is there again"}`
    ),
    `MiB: ${course(({ rssBytes }) => Math.round(rssBytes / MiB))}`,
    `descriptors: ${course(({ descriptors }) => descriptors)}`,
    `threads: ${course(({ threads }) => threads)}`,
  ].join("\n"));
}
