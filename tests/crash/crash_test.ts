/**
 * Nothing that was acknowledged is lost, whenever the daemon is killed. CLOUDMOUNT_CRASH_KILLS says how
 * often in all (20 if not said), CLOUDMOUNT_TEST_SEED repeats a run's choices (not the machine's
 * timing), CLOUDMOUNT_CRASH_KEEP names a directory where the state of a failed run is kept.
 */
import assert from "node:assert/strict";
import { mountTest } from "../support/mount_daemon.ts";
import { printNote } from "../support/mount_programs.ts";
import { withSeed } from "../support/seeded_random.ts";
import { type CrashOptions, runCrashes } from "./crash_run.ts";

/** Fewer are acknowledged only if the writers were stopped by something else than the kills. */
const ACKNOWLEDGED_PER_KILL_MIN = 10;
const KILLS = 20;

function crashTest(
  name: string,
  /** Its part of the kills. */
  share: number,
  options: Pick<CrashOptions, "server" | "endpoint">,
): void {
  mountTest(name, async () => {
    await withSeed(async (random) => {
      const kills = Math.ceil(Number(Deno.env.get("CLOUDMOUNT_CRASH_KILLS") ?? KILLS) * share);
      await printNote(`seed ${random.seed}, ${kills} kills: ${name}`);
      const report = await runCrashes({ ...options, random, kills });
      const moments = [...report.moments].sort().map(([name, times]) => `${name} ${times}`);
      await printNote(
        `${report.kills} kills, ${report.acknowledged} acknowledgements, none lost; ` +
          moments.join(", "),
      );
      assert.deepEqual(report.remains, []);
      assert.ok(
        report.acknowledged >= report.kills * ACKNOWLEDGED_PER_KILL_MIN,
        `only ${report.acknowledged} operations were acknowledged`,
      );
    });
  });
}

crashTest("what was acknowledged survives the daemon's death", 0.6, {
  server: "real",
  endpoint: "good",
});
crashTest("what was acknowledged survives the daemon's death and S3's errors", 0.25, {
  server: "serve-s3",
  endpoint: "faulty",
});
crashTest("what was acknowledged without S3 survives the daemon's death", 0.15, {
  server: "real",
  endpoint: "down",
});
