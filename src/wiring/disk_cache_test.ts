import assert from "node:assert/strict";
import { fakeConfig, fakeMountConfig } from "../../tests/daemon/fake_backend.ts";
import { withDirectory } from "../../tests/support/temp_directory.ts";
import type { DaemonConfig } from "../config/types.ts";
import { diskCacheUser, openConfiguredDiskCache, roomMaker } from "./disk_cache.ts";

const withConfig = (use: (config: DaemonConfig) => Promise<void>) =>
  withDirectory((directory) => use(fakeConfig([], directory).daemon));

Deno.test("Without a cache_size the cache on disk has a part of the disk, with 0 there is none", async () => {
  await withConfig(async (config) => {
    assert.equal(await openConfiguredDiskCache({ ...config, cacheSizeBytes: 0 }), undefined);
    const usual = await openConfiguredDiskCache(config);
    const limit = usual!.cache.limitBytes();
    assert.ok(limit > 0 && limit <= 20 * 2 ** 30, String(limit));
    await usual!.close();
    const own = await openConfiguredDiskCache({ ...config, cacheSizeBytes: 12345678 });
    assert.equal(own!.cache.limitBytes(), 12345678);
    await own!.close();
  });
});

Deno.test("The cache makes room on its own disk only, and has none to make when it is empty", async () => {
  await withConfig(async (config) => {
    const disk = await openConfiguredDiskCache(config);
    assert.equal(roomMaker(disk, config)!(1000), false);
    assert.equal(roomMaker(disk, { ...config, stateDir: "/proc" }), undefined);
    assert.equal(roomMaker(undefined, config), undefined);
    await disk!.close();
  });
});

Deno.test("Two parts of a bucket share contents, and have shares of their own", () => {
  const base = { bucket: "b", endpoint: "http://localhost:1" };
  const one = diskCacheUser(fakeMountConfig("one", { ...base, prefix: "a/", cacheSizeBytes: 7 }));
  const two = diskCacheUser(fakeMountConfig("two", { ...base, prefix: "b/" }));
  assert.equal(one.bucket, two.bucket);
  assert.notEqual(one.volume, two.volume);
  assert.deepEqual([one.shareBytes, two.shareBytes], [7, Infinity]);
  assert.notEqual(diskCacheUser(fakeMountConfig("x", { bucket: "b" })).bucket, one.bucket);
});
