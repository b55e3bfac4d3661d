import assert from "node:assert/strict";
import { mountTest, serveMemory, withFolder } from "../../tests/support/fuse_mounts.ts";
import { isServed } from "./is_served.ts";

mountTest(
  "A mount is served until its daemon dies, whatever the kernel still knows of it",
  () =>
    withFolder(async (folder) => {
      assert.equal(await isServed(folder), true);
      const { mountPoint, kill } = await serveMemory(folder);
      assert.equal(await isServed(mountPoint), true);
      await kill();
      assert.ok((await Deno.stat(mountPoint)).isDirectory);
      assert.equal(await isServed(mountPoint), false);
    }),
);

Deno.test("What is no folder is not called dead", async () => {
  await assert.rejects(isServed(import.meta.filename!), Deno.errors.NotADirectory);
});
