import assert from "node:assert/strict";
import { fakeMountConfig } from "../../../tests/daemon/fake_backend.ts";
import type { MountEntry } from "../../fuse/mount_table.ts";
import { checkMountPoint } from "./check_mount_points.ts";

const signal = new AbortController().signal;

async function check(
  mountPoint: string,
  mounted: readonly MountEntry[] = [],
  served: string[] = [],
) {
  const mount = fakeMountConfig("photos", { mountPoint });
  const [found] = await checkMountPoint(mount, mounted, new Set(served), signal);
  return found!;
}

Deno.test("A mount point that can be used is well, whether it is there or not", async () => {
  const folder = await Deno.makeTempDir();
  try {
    assert.equal((await check(folder)).message, `${folder} is an empty folder`);
    assert.equal((await check(`${folder}/a/b`)).message, `${folder}/a/b can be made`);
    assert.deepEqual([...Deno.readDirSync(folder)], []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("A mount point with something in it, or that is a file, is an error", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/file`, "");
    assert.match((await check(folder)).message, /not empty: it holds "file"/);
    assert.match((await check(`${folder}/file`)).message, /is no folder/);
    assert.equal((await check(`${folder}/file/x`)).status, "error");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("What is mounted there is told apart", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const entry = { device: "0:1", mountPoint: folder, source: "cloudmount#photos" };
    const ours = { ...entry, type: "fuse.cloudmount" };
    assert.equal((await check(folder, [ours], ["photos"])).status, "ok");
    assert.match((await check(folder, [ours])).message, /served by another daemon/);
    const other = { ...entry, type: "ext4", source: "/dev/sdb1" };
    assert.match((await check(folder, [other])).message, /"\/dev\/sdb1" \(ext4\) is mounted there/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
