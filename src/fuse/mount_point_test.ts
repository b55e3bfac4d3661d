import assert from "node:assert/strict";
import { mountTest, sh, withFolder } from "../../tests/support/fuse_mounts.ts";
import { systemClock } from "../base/clock.ts";
import { prepareMountPoint } from "./mount_point.ts";

mountTest(
  "Where another file system is mounted, or files are, nothing is mounted",
  () =>
    withFolder(async (folder) => {
      await Deno.mkdir(`${folder}/full/x`, { recursive: true });
      await Deno.mkdir(`${folder}/tmp`);
      await Deno.writeTextFile(`${folder}/file`, "");
      await sh(folder, "mount -t tmpfs none $M/tmp");
      const detached: string[] = [];
      const attempt = (path: string) =>
        prepareMountPoint(path, (point) => Promise.resolve(void detached.push(point)), systemClock);
      await assert.rejects(attempt(`${folder}/tmp`), /"none" \(tmpfs\) is mounted there/);
      await assert.rejects(attempt(`${folder}/full`), /not empty \(it holds "x"\)/);
      await assert.rejects(attempt(`${folder}/file`), /Not a directory/);
      await assert.rejects(attempt("relative"), /absolute/);
      await Deno.mkdir(`${folder}/real`);
      await Deno.symlink(`${folder}/real`, `${folder}/link`);
      assert.equal(await attempt(`${folder}/link/`), `${folder}/real`);
      assert.equal(await attempt(`${folder}/new/deep/`), `${folder}/new/deep`);
      assert.ok((await Deno.stat(`${folder}/new/deep`)).isDirectory);
      assert.deepEqual(detached, []);
    }),
);
