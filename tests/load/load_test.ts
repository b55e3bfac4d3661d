/**
 * One daemon with many mounts under many programs and random faults. Short by itself; as long and as large as
 * CLOUDMOUNT_LOAD_SECONDS, CLOUDMOUNT_LOAD_MOUNTS and CLOUDMOUNT_LOAD_PROGRAMS say (see the task test:load).
 */
import assert from "node:assert/strict";
import { mountTest } from "../support/mount_daemon.ts";
import { eventually, printNote, run } from "../support/mount_programs.ts";
import { withSeed } from "../support/seeded_random.ts";
import { DaemonUnderLoad, type Turn } from "./daemon_under_load.ts";
import { type Sample, sample, Samples } from "./samples.ts";

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
/** What is alive of the program's own objects grows with what it has seen: latencies, names, contents. */
const HEAP_BYTES = 64 * MiB;
/** Of each mount, once the kernel has forgotten all that it need not know. */
const INODES = 10;
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
  const before = await look(daemon);
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
  assert.deepEqual(leaks(before, after), []);
  const slowest = Math.max(...samples.all.map(({ statusMs }) => statusMs));
  assert.ok(samples.unanswered === 0 && slowest < STATUS_MS_MAX, "the status hung");
}

async function look(daemon: DaemonUnderLoad): Promise<Sample> {
  const taken = await sample(daemon);
  assert.ok(taken !== undefined, "The daemon does not tell its status");
  return taken;
}

/** What the daemon uses when it has given back what it needed for the load, or does not. */
async function returned(daemon: DaemonUnderLoad, before: Sample): Promise<Sample> {
  await forgetNames();
  for (let second = 0;; second++) {
    const now = await look(daemon);
    if (leaks(before, now).length === 0 || second === RETURN_SECONDS) return now;
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

/** What is used beyond what was before. */
function leaks(before: Sample, now: Sample): string[] {
  const bounds = {
    rssBytes: MEMORY_BYTES,
    heapBytes: HEAP_BYTES,
    descriptors: DESCRIPTORS,
    inodes: INODES * MOUNTS,
  };
  return Object.entries(bounds).flatMap(([name, bound]) => {
    const key = name as keyof typeof bounds;
    return now[key] <= before[key] + bound ? [] : [`${name}: ${before[key]}, then ${now[key]}`];
  });
}

/** Has the kernel forget the names that no program uses: so long it keeps their inodes. */
async function forgetNames(): Promise<void> {
  try {
    await Deno.writeTextFile("/proc/sys/vm/drop_caches", "2");
  } catch (error) {
    await printNote(`inodes are counted as the kernel keeps them: ${error}`);
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
  // The daemon's pace is looked at, not the turn that it gets among hundreds of threads.
  const { code, stdout, stderr } = await run(
    "nice",
    ["python3", SCRIPT, String(seed), String(PROGRAMS), String(SECONDS), file, ...daemon.paths],
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

interface Findings {
  readonly daemon: DaemonUnderLoad;
  readonly outcome: Outcome;
  readonly failures: readonly Failure[];
  readonly samples: Samples;
  readonly before: Sample;
  readonly after: Sample;
}

async function report(findings: Findings): Promise<void> {
  const { daemon, outcome, failures, samples, before, after } = findings;
  const { mounts } = await daemon.status();
  const sum = (numbers: readonly number[]) => numbers.reduce((all, number) => all + number, 0);
  const quantiles = (of: (sample: Sample) => number) => {
    const sorted = samples.all.map(of).toSorted((a, b) => a - b);
    const quantile = (share: number) =>
      Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!);
    return `p50 ${quantile(0.5)} ms, p99 ${quantile(0.99)} ms, longest ${quantile(1)} ms`;
  };
  const course = (of: (sample: Sample) => number) => {
    const most = Math.max(...samples.all.map(of));
    return `${samples.plot(of)} ${of(before)}, at most ${most}, then ${of(after)}`;
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
    `status: ${quantiles(({ statusMs }) => statusMs)}; of it computing: ${
      quantiles(({ statusCpuMs }) => statusCpuMs)
    }`,
    ...mounts.flatMap(({ conflicts }) => conflicts).slice(0, 3).map(({ path, copy }) =>
      `  ${path}: ${copy ?? "what was removed here is there again"}`
    ),
    `RSS, MiB:    ${course(({ rssBytes }) => Math.round(rssBytes / MiB))}`,
    `heap, MiB:   ${course(({ heapBytes }) => Math.round(heapBytes / MiB))}`,
    `inodes:      ${course(({ inodes }) => inodes)}`,
    `descriptors: ${course(({ descriptors }) => descriptors)}`,
    `threads:     ${course(({ threads }) => threads)}`,
  ].join("\n"));
}
