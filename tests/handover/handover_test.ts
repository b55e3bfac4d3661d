/**
 * The daemon is killed, again and again, and started anew in the middle of everything: programs that use
 * its mounts must notice nothing but a pause. `deno task test:handover` does it more often.
 */
import assert from "node:assert/strict";
import { ControlClient } from "../../src/control/client.ts";
import { findProgram } from "../support/find_program.ts";
import { type MountedBuckets, mountTest, withMountedBuckets } from "../support/mount_daemon.ts";
import { flushMount, JOURNAL } from "../support/mount_flush.ts";
import { eventually, printNote, run, succeed } from "../support/mount_programs.ts";
import { type SeededRandom, withSeed } from "../support/seeded_random.ts";
import { type Ended, Load, Probe } from "./load.ts";

const LONG = Deno.env.get("CLOUDMOUNT_LONG_TESTS") !== undefined;
const KILLS = Number(Deno.env.get("CLOUDMOUNT_HANDOVER_KILLS") ?? (LONG ? 50 : 4));
const UPGRADES = LONG ? 10 : 1;
/** Between two of them. */
const QUIET_MS = { min: 200, max: 1800 };
const MAPPED_BYTES = 24 * 2 ** 20;
const FILES = 300;
const FSX = findProgram("fsx", [".cargo/bin"]);

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

mountTest("kills and upgrades of the daemon are pauses for the programs that use it", async () => {
  if (FSX === undefined) printNote("without fsx: it is not installed");
  await withSeed(async (random) => {
    await withMountedBuckets(async (mounted) => {
      await prepare(mounted);
      const folder = mounted.path();
      const load = new Load(folder, `${mounted.folder}/stop`);
      await startPrograms(load, mounted, random);
      const pauses = await disturb(mounted, random);
      const ended = await load.stop();
      for (const { name, code, said } of ended) assert.equal(code, 0, `${name}: ${said}`);
      await checkWritten(mounted, ended);
      printNote(`${KILLS} kills, ${UPGRADES} upgrades: ${distribution(pauses)}`);
    }, { defaults: `${JOURNAL}\nmetadata_ttl = "5m"`, crashesMax: 1000 });
  });
});

mountTest(
  "a crash loop ends: nobody hangs, the status tells why, and a mount can be had again",
  async () => {
    await withMountedBuckets(async (mounted) => {
      const file = `${mounted.path()}/file`;
      await succeed("sh", ["-c", `echo kept > ${file}`]);
      for (const kill of [1, 2, 3]) {
        const { pid } = await mounted.statusDocument();
        Deno.kill(pid, "SIGKILL");
        await eventually(`another daemon after kill ${kill}`, async () => {
          const status = await mounted.statusDocument().catch(() => undefined);
          return status !== undefined && status.pid !== pid &&
            status.mounts.every(({ state }) => state !== "starting");
        });
        if (kill < 3) assert.equal(await succeed("cat", [file]), "kept\n");
      }
      const { state, error } = await mounted.status();
      assert.equal(state, "failed");
      assert.match(error?.message ?? "", /crashed 3 times within a minute/);
      assert.equal(await succeed("ls", [mounted.path()], { seconds: 5 }), "");
      assert.equal((await mounted.command("mount", "--all")).code, 0);
      assert.equal(await succeed("cat", [file]), "kept\n");
    }, { defaults: JOURNAL, crashesMax: 3 });
  },
);

/** What is read is put there by another client. */
async function prepare(mounted: MountedBuckets): Promise<void> {
  const folder = mounted.path();
  const script = `
import os, struct, sys
folder = sys.argv[1]
words = range(${MAPPED_BYTES / 8})
data = b"".join(struct.pack("<Q", (n * 0x9E3779B97F4A7C15) & (2**64 - 1)) for n in words)
open(folder + "/mapped", "wb").write(data)
os.mkdir(folder + "/inside")
for n in range(${FILES}):
    open(folder + "/inside/file-%03d" % n, "w").write("file-%03d" % n)
`;
  await succeed("python3", ["-c", script, folder]);
  await flushMount(mounted);
}

async function startPrograms(load: Load, mounted: MountedBuckets, random: SeededRandom) {
  const folder = mounted.path();
  load.startDd(`${folder}/dd`);
  load.start("append");
  load.start("read_mapped", String(MAPPED_BYTES));
  load.start("stand");
  load.start("list_slowly");
  load.start("names");
  // The file is there when tail begins; its end comes with that of the others.
  await mounted.seen(`${folder}/lines`);
  const tail = 'tail -n +1 -f "$1" > "$2" & tail=$!; while [ ! -e "$3" ]; do sleep 0.1; done; ' +
    "sleep 2; kill $tail; wait $tail; [ $? = 143 ]";
  load.startShell(
    "tail",
    tail,
    `${folder}/lines`,
    `${mounted.folder}/tail`,
    `${mounted.folder}/stop`,
  );
  if (FSX === undefined) return;
  const config = `${mounted.folder}/fsx.toml`;
  await Deno.writeTextFile(config, "flen = 262144\n[opsize]\nmin = 1\nmax = 65536\n");
  const fsx =
    'n=0; while [ ! -e "$1" ]; do "$2" -f "$3" -N 300 -S $(($4 + n)) -P "$5" "$6" || exit 1; ' +
    "n=$((n + 1)); done; echo ok $n";
  load.startShell(
    "fsx",
    fsx,
    ...[`${mounted.folder}/stop`, FSX, config, String(random.below(1e6)), mounted.folder],
    `${folder}/fsx`,
  );
}

/** Returns the pauses, in milliseconds. */
async function disturb(mounted: MountedBuckets, random: SeededRandom): Promise<number[]> {
  const pauses: number[] = [];
  await using probe = new Probe(mounted.path());
  await probe.ask();
  const count = KILLS + UPGRADES;
  const upgradeEvery = Math.floor(count / UPGRADES);
  for (let number = 1; number <= count; number++) {
    const kind = number % upgradeEvery === 0 ? "upgrade" : "kill";
    await sleep(QUIET_MS.min + random.below(QUIET_MS.max - QUIET_MS.min));
    const { pid } = await mounted.statusDocument();
    const start = performance.now();
    if (kind === "kill") Deno.kill(pid, "SIGKILL");
    else await restart(mounted);
    const until = performance.now() + 30_000;
    // In the first moment after the request for an upgrade the old one may answer still.
    let answeredBy = pid;
    while (answeredBy === pid && performance.now() < until) {
      await probe.ask();
      pauses.push(performance.now() - start);
      answeredBy = await mounted.statusDocument().then((status) => status.pid, () => pid);
      if (answeredBy === pid) pauses.pop();
    }
    assert.notEqual(answeredBy, pid, "another process goes on");
    for (const { name, state } of (await mounted.statusDocument()).mounts) {
      assert.notEqual(state, "failed", name);
    }
  }
  return pauses;
}

async function restart(mounted: MountedBuckets): Promise<void> {
  using client = new ControlClient(`${mounted.folder}/control.sock`);
  await client.restart(AbortSignal.timeout(10_000));
}

/** What was written must be in S3, byte for byte. */
async function checkWritten(mounted: MountedBuckets, ended: readonly Ended[]): Promise<void> {
  await flushMount(mounted);
  const counts = new Map(
    ended.flatMap(({ name, said }) => {
      const count = /ok (\d+)/.exec(said)?.[1]; // tail does not count
      return count === undefined ? [] : [[name, Number(count)]];
    }),
  );
  const expected = `
import hashlib, struct, sys
words = range(${counts.get("dd")} // 8)
h = hashlib.sha256()
for n in words: h.update(struct.pack("<Q", (n * 0x9E3779B97F4A7C15) & (2**64 - 1)))
print(h.hexdigest())
h = hashlib.sha256()
for n in range(${counts.get("append")}): h.update(b"line %08d\\n" % n)
print(h.hexdigest())
`;
  const [dd, lines] = (await succeed("python3", ["-c", expected])).trim().split("\n");
  assert.equal(await mounted.other().sha256("dd"), dd, "what dd wrote");
  assert.equal(await mounted.other().sha256("lines"), lines, "the appended lines");
  const tail = await run("sha256sum", [`${mounted.folder}/tail`]);
  assert.equal(tail.stdout.split(" ")[0], lines, "what tail -f saw");
  printNote([...counts].map(([name, count]) => `${name} ${count}`).join(", "));
}

function distribution(pauses: readonly number[]): string {
  const sorted = [...pauses].sort((a, b) => a - b);
  const at = (share: number) =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0);
  return `pauses of ${at(0)} ms at least, ${at(0.5)} (median), ${at(0.9)} (90 %), ${at(1)} at most`;
}
