import assert from "node:assert/strict";
import type { DaemonConfig } from "../../config/types.ts";
import { checkLimits } from "./check_limits.ts";

const GIB = 2 ** 30;

async function check(
  freeBytes: number,
  cacheSizeBytes: number,
  openFiles: number,
  cacheUsedBytes?: number,
) {
  const daemon = {
    stateDir: "/nowhere/state",
    cacheDir: "/nowhere/cache",
    cacheSizeBytes,
  } as DaemonConfig;
  const asked: string[] = [];
  const found = await checkLimits(daemon, {
    diskSpace: (path) => {
      asked.push(path);
      return { totalBytes: 100 * GIB, freeBytes };
    },
    cacheUsedBytes,
    limits:
      `Limit  Soft Limit  Hard Limit  Units\nMax open files            ${openFiles}   524288   files\n`,
  });
  assert.deepEqual([...new Set(asked)], ["/"], "of folders that are there");
  return found.map(({ check, status }) => `${check}: ${status}`);
}

Deno.test("Room and limits are held against what is counted on", async () => {
  assert.deepEqual(await check(50 * GIB, 20 * GIB, 65536), [
    ...["disk.state: ok", "disk.cache: ok", "files: ok"],
  ]);
  assert.deepEqual(await check(GIB / 2, 200 * GIB, 1024), [
    ...["disk.state: warning", "disk.cache: warning", "files: warning"],
  ]);
  const cache = async (usedBytes: number | undefined) =>
    (await check(5 * GIB, 20 * GIB, 65536, usedBytes))[1];
  assert.equal(await cache(18 * GIB), "disk.cache: ok");
  assert.equal(await cache(10 * GIB), "disk.cache: warning");
  assert.equal(await cache(undefined), "disk.cache: ok");
  assert.deepEqual(await check(1, 0, 65536), ["disk.state: error", "files: ok"]);
});
