/** The model over a real mount: a daemon, a kernel, and a program that uses it. */
import { lengthOf } from "../model/lengths.ts";
import { MountSubject } from "../model/mount_subject.ts";
import { runModel } from "../model/run_model.ts";
import { mountTest, withMountedBuckets } from "../support/mount_daemon.ts";
import { JOURNAL } from "../support/mount_flush.ts";
import { withSeed } from "../support/seeded_random.ts";

const OPERATIONS_EACH = 1500;
const TTL_MS = 1000;

for (const server of ["real", "serve-s3"] as const) {
  mountTest(
    `random operations on a mount leave what a model holds (${server} server)`,
    async () => {
      await withMountedBuckets(async (mounted) => {
        const open = () => MountSubject.open(mounted, TTL_MS);
        for (let done = 0; done < lengthOf(OPERATIONS_EACH, 50_000); done += OPERATIONS_EACH) {
          // The same each time, but for the long run.
          const usual = lengthOf(1, Date.now());
          await withSeed((random) =>
            runModel({
              random,
              operations: OPERATIONS_EACH,
              open,
              shrinkSeconds: 120,
              // Each takes the time to live of what is known.
              remoteShare: 0.003,
              restartShare: 0.001,
              verifyShare: 0.003,
            }), usual);
        }
      }, { server, defaults: `${JOURNAL}metadata_ttl = "${TTL_MS}ms"` });
    },
  );
}
