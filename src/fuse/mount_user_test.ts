/** Mounting as an ordinary user: a child process becomes "nobody" and goes through fusermount3. */
import assert from "node:assert/strict";
import {
  MEMORY_SERVER,
  mountTest,
  run,
  start,
  withFolder,
} from "../../tests/support/fuse_mounts.ts";
import { systemClock } from "../base/clock.ts";
import { mountByHelper } from "./fusermount.ts";
import { MountError } from "./mount_errors.ts";

const NOBODY = 65534;

/** Runs `use` with a folder of nobody's, while everybody may open /dev/fuse. */
function asUser(use: (mountPoint: string) => Promise<void>): Promise<void> {
  return withFolder(async (folder) => {
    const { mode } = await Deno.stat("/dev/fuse");
    await Deno.chmod("/dev/fuse", 0o666);
    try {
      await Deno.chmod(folder, 0o755);
      await Deno.mkdir(`${folder}/m`);
      await Deno.chown(`${folder}/m`, NOBODY, NOBODY);
      await use(`${folder}/m`);
    } finally {
      await Deno.chmod("/dev/fuse", (mode ?? 0o600) & 0o777);
    }
  });
}

function asNobody(...command: string[]) {
  return run("setpriv", [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups", ...command]);
}

function serve(mountPoint: string, ...more: string[]) {
  return start(Deno.execPath(), ["run", "-A", MEMORY_SERVER, mountPoint, `${NOBODY}`, ...more]);
}

mountTest(
  "An ordinary user mounts, uses and unmounts through fusermount3",
  () =>
    asUser(async (mountPoint) => {
      const server = await serve(mountPoint);
      assert.equal(server.firstLine, "mounted");
      const table = await Deno.readTextFile("/proc/self/mountinfo");
      assert.match(
        table,
        /fuse\.cloudmount cloudmount\\043memory .*user_id=65534.*default_permissions/,
      );
      assert.equal((await asNobody("cat", `${mountPoint}/hello`)).stdout, "hello\n");
      const script = `cd ${mountPoint} && echo mine > new && stat -c %u new`;
      assert.equal((await asNobody("sh", "-c", script)).stdout, "65534\n");
      // Without allow_other not even root may enter.
      assert.match((await run("cat", [`${mountPoint}/hello`])).stderr, /Permission denied/);
      await server.child.stdin.close();
      await server.end();
      assert.doesNotMatch(await Deno.readTextFile("/proc/self/mountinfo"), /cloudmount\\043memory/);
    }),
);

mountTest("An ordinary user's leftover mount is replaced", () =>
  asUser(async (mountPoint) => {
    const first = await serve(mountPoint);
    first.child.kill("SIGKILL");
    await first.end();
    const second = await serve(mountPoint);
    assert.equal(second.firstLine, "mounted");
    assert.equal((await asNobody("cat", `${mountPoint}/hello`)).stdout, "hello\n");
    await second.child.stdin.close();
    await second.end();
  }));

mountTest(
  "allow_other without user_allow_other says how to get it",
  () =>
    asUser(async (mountPoint) => {
      const conf = await Deno.readTextFile("/etc/fuse.conf").catch(() => "");
      if (/^\s*user_allow_other/m.test(conf)) {
        Deno.stderr.writeSync(new TextEncoder().encode("not checked: user_allow_other is set\n"));
        return;
      }
      const server = await serve(mountPoint, "allow_other");
      assert.match(server.firstLine, /add the line "user_allow_other" to \/etc\/fuse\.conf/);
      await server.end();
    }),
);

mountTest(
  "A device that may not be opened, and another's folder, are explained",
  () =>
    asUser(async (mountPoint) => {
      await Deno.chown(mountPoint, 0, 0);
      const foreign = await serve(mountPoint);
      assert.match(foreign.firstLine, /the folder must belong to the user who mounts/);
      await foreign.end();
      await Deno.chown(mountPoint, NOBODY, NOBODY);
      await Deno.chmod("/dev/fuse", 0o600);
      const closed = await serve(mountPoint);
      assert.match(closed.firstLine, /chmod 666 \/dev\/fuse/);
      await closed.end();
    }),
);

Deno.test("A missing fusermount3 names the package to install", async () => {
  // The helper is looked for where it always is, so this says something only where it is missing.
  const present = await run("sh", [
    "-c",
    "test -x /usr/bin/fusermount3 || test -x /bin/fusermount3",
  ]);
  if (present.code === 0) return;
  await assert.rejects(
    mountByHelper("/nowhere", [], { clock: systemClock }, AbortSignal.timeout(5000)),
    (error) => error instanceof MountError && /install the package "fuse3"/.test(error.message),
  );
});
