import assert from "node:assert/strict";
import { mountTest, serveMemory, withFolder } from "../../../tests/support/fuse_mounts.ts";
import { mountState } from "./mount_state.ts";

Deno.test("A folder answers, whatever it answers", async () => {
  const calm = new AbortController().signal;
  assert.equal(await mountState("/", calm), "answers");
  assert.equal(await mountState("/nowhere", calm), "answers");
  const reason = new Error("Interrupted");
  await assert.rejects(mountState("/", AbortSignal.abort(reason)), reason);
});

mountTest(
  "A mount whose daemon was killed is stale, though the kernel knows its root's attributes",
  () =>
    withFolder(async (folder) => {
      const { mountPoint, kill } = await serveMemory(folder);
      const calm = new AbortController().signal;
      assert.equal(await mountState(mountPoint, calm), "answers");
      await kill();
      assert.ok((await Deno.stat(mountPoint)).isDirectory);
      assert.equal(await mountState(mountPoint, calm), "stale");
    }),
);
