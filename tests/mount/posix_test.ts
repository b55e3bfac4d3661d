/** The POSIX checks on a plain folder, which proves the checks, and on a mount. */
import assert from "node:assert/strict";
import { type PosixResult, runPosixChecks } from "../conformance/posix_suite.ts";
import { mountTest, withMountedBuckets } from "../support/mount_daemon.ts";

/** What a bucket cannot do, with the error that tells so. */
const EXCEPTIONS: Readonly<Record<string, RegExp>> = {
  "a hard link is a second name of the file": /PermissionError|\[Errno 1\]/,
};

mountTest("a plain folder holds every POSIX check", async () => {
  const folder = await Deno.makeTempDir({ prefix: "cloudmount-posix-" });
  try {
    assert.deepEqual(failures(await runPosixChecks(folder)), []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

for (const durability of ["journal", "remote"]) {
  mountTest(
    `a mount holds every POSIX check but those that a bucket cannot: durability "${durability}"`,
    async () => {
      await withMountedBuckets(async (mounted) => {
        const results = await runPosixChecks(mounted.path(), 40);
        const unexpected = results.filter(({ name, error }) =>
          error !== undefined && EXCEPTIONS[name]?.test(error) !== true
        );
        assert.deepEqual(failures(unexpected), []);
        // An exception that holds now is none any more.
        for (const name of Object.keys(EXCEPTIONS)) {
          const hold = results.some((result) => result.name === name && result.error === undefined);
          assert.ok(!hold, name);
        }
      }, { defaults: `durability = "${durability}"\nfsync = "${durability}"\n` });
    },
  );
}

function failures(results: readonly PosixResult[]): string[] {
  return results.filter(({ error }) => error !== undefined)
    .map(({ name, error }) => `${name}:\n${error}`);
}
