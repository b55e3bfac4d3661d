/** The endpoint goes away under load, in each of the ways it can, and comes back. */
import assert from "node:assert/strict";
import type { FaultProxy, Faults } from "../support/fault_proxy.ts";
import { printNote } from "../support/mount_programs.ts";
import { withSeed } from "../support/seeded_random.ts";
import { Load } from "./load.ts";
import { World } from "./world.ts";

/** The time an operation may take, and the longest pause between two probes. */
const DEADLINE_MS = 30_000;
const PAUSE_MS = 60_000;
/** What a busy machine adds, in real time. */
const NOISE_MS = 1_000;

const LONG_MS = 300_000;

interface Outage {
  readonly name: string;
  readonly rate: number;
  readonly ms: number;
  readonly begin: (world: World) => void | Promise<void>;
}

const faults = (faults: Faults) => (world: World) => world.proxy.setFaults(faults);
const OUTAGES: readonly Outage[] = [
  { name: "refuses connections for 1 s", rate: 10, ms: 1_000, begin: faults({ down: true }) },
  { name: "refuses connections for 30 s", rate: 20, ms: 30_000, begin: faults({ down: true }) },
  { name: "is silent for 30 s", rate: 20, ms: 30_000, begin: faults({ silent: true }) },
  { name: "refuses connections for 10 min", rate: 30, ms: 600_000, begin: faults({ down: true }) },
  { name: "is silent for 10 min", rate: 30, ms: 600_000, begin: faults({ silent: true }) },
  {
    name: "has no address for 60 s",
    rate: 20,
    ms: 60_000,
    begin: async (world) => {
      world.isNameLost = true;
      await world.proxy.setFaults({ down: true });
    },
  },
  {
    name: "answers 503 for 60 s",
    rate: 20,
    ms: 60_000,
    begin: faults({ rules: [{ fault: { kind: "slow_down" } }] }),
  },
];

/** Longer ones take longer, and are for who has the time. */
const isLong = Deno.env.get("CLOUDMOUNT_LONG_TESTS") !== undefined;
for (const outage of OUTAGES.filter(({ ms }) => isLong || ms < LONG_MS)) {
  Deno.test(`nothing is lost and nothing hangs when the endpoint ${outage.name} under load`, () =>
    withSeed(async (random) => {
      await using world = await World.start({ rate: outage.rate });
      const { clock, monitor, volume } = world;
      const deadlineMs = DEADLINE_MS + NOISE_MS * outage.rate;
      const backMs = PAUSE_MS + NOISE_MS * outage.rate;
      const load = new Load(world, random);
      await load.start();
      await clock.sleep(5_000);
      assert.deepEqual(load.failures, []);
      const descriptors = await openDescriptors(world.proxy);

      const fromMs = clock.monotonicMs();
      await outage.begin(world);
      await clock.sleep(outage.ms);
      const { trouble } = monitor;
      if (outage.ms >= 30_000) assert.ok(trouble !== undefined && trouble.hint !== "");
      world.isNameLost = false;
      await world.proxy.setFaults({});
      const endMs = clock.monotonicMs();
      const tookMs = await clock.until("S3 is in reach", backMs, () => !monitor.trouble);
      const wellMs = clock.monotonicMs();
      await clock.sleep(5_000);
      await load.stop();
      // By itself: nobody asks for it.
      await clock.until("all is in S3", backMs, () => volume.fs.uploads().pendingFiles === 0);
      await load.compare();

      assert.ok(load.longestMs < deadlineMs, `an operation took ${load.longestMs} ms`);
      for (const { errno, atMs } of load.failures) {
        assert.match(errno, /^(EIO|ETIMEDOUT)$/);
        assert.ok(atMs > fromMs && atMs < wellMs + deadlineMs, `failed at ${atMs - endMs} ms`);
      }
      const more = await openDescriptors(world.proxy) - descriptors;
      assert.ok(more <= 32, `${more} descriptors more than before`);
      await printNote(
        `${outage.name}: ${load.reads} reads, ${load.writes} writes, ` +
          `${load.failures.length} errors, longest ${Math.round(load.longestMs)} ms, ` +
          `back after ${Math.round(tookMs)} ms, descriptors ${more < 0 ? "" : "+"}${more}`,
      );
    }));
}

/** Those of the client: at the proxy, connections that are lost stay. */
async function openDescriptors(proxy: FaultProxy): Promise<number> {
  const port = Number(new URL(proxy.url).port).toString(16).toUpperCase().padStart(4, "0");
  const rows = (await Deno.readTextFile("/proc/net/tcp")).trim().split("\n").slice(1)
    .map((row) => row.trim().split(/\s+/));
  // Without an inode nobody holds it any more.
  const toProxy = rows.filter((row) => row[2]?.endsWith(`:${port}`) && row[9] !== "0").length;
  const links = await Promise.all(
    [...Deno.readDirSync("/proc/self/fd")].map(({ name }) =>
      Deno.readLink(`/proc/self/fd/${name}`).catch(() => "socket: gone")
    ),
  );
  return toProxy + links.filter((link) => !link.startsWith("socket:")).length;
}
