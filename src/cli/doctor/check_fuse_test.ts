import assert from "node:assert/strict";
import { withDirectory } from "../../../tests/support/temp_directory.ts";
import { fakeMountConfig } from "../../../tests/daemon/fake_backend.ts";
import type { Config } from "../../config/types.ts";
import { checkFuse } from "./check_fuse.ts";

const config = (allowOther: boolean): Config => ({
  path: "/x",
  daemon: {} as Config["daemon"],
  mounts: [fakeMountConfig("photos", { allowOther })],
});

Deno.test("A missing device and helper are errors, with what to install", async () => {
  await withDirectory(async (folder) => {
    const places = { device: `${folder}/fuse`, settings: `${folder}/conf`, programs: [folder] };
    const found = await checkFuse({ ...places, uid: 1000 }, config(true));
    assert.deepEqual(found.map(({ check, status }) => [check, status]), [
      ["fuse", "error"],
      ["fuse.helper", "error"],
      ["fuse.allow_other", "error"],
    ]);
    assert.match(found[0]!.fix, /modprobe fuse/);
    assert.match(found[1]!.fix, /apt install fuse3/);
    assert.match(found[2]!.why, /"photos" has allow_other/);
    const root = await checkFuse({ ...places, uid: 0 }, config(true));
    assert.deepEqual(root.map(({ check }) => check), ["fuse"]);
  });
});

Deno.test("What is in order is said so; a helper that is not setuid is an error", async () => {
  await withDirectory(async (folder) => {
    await Deno.writeTextFile(`${folder}/fuse`, "");
    await Deno.writeTextFile(`${folder}/conf`, "# x\nuser_allow_other\n");
    await Deno.writeTextFile(`${folder}/fusermount3`, "", { mode: 0o755 });
    const places = { device: `${folder}/fuse`, settings: `${folder}/conf`, programs: [folder] };
    const found = await checkFuse({ ...places, uid: 1000 }, config(true));
    assert.deepEqual(found.map(({ status }) => status), ["ok", "error", "ok"]);
    assert.match(found[1]!.fix, /chmod u\+s/);
    const plain = await checkFuse({ ...places, uid: 1000 }, config(false));
    assert.deepEqual(plain.map(({ check }) => check), ["fuse", "fuse.helper"]);
  });
});
