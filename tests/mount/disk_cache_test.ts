/** What was read once is on disk: it is read again without a request, also after a restart or a kill. */
import assert from "node:assert/strict";
import { type MountedBuckets, mountTest, withMountedBuckets } from "../support/mount_daemon.ts";
import { eventually, sh, sha256OfFile } from "../support/mount_programs.ts";

const MIB = 2 ** 20;

/** Large enough for several GETs, and two small files. */
async function putFiles(mounted: MountedBuckets): Promise<string> {
  const local = `${mounted.folder}/local`;
  await sh(mounted.folder, `mkdir local; head -c ${20 * MIB + 77} /dev/urandom > local/large`);
  await sh(local, "head -c 5000 /dev/urandom > small; head -c 1 /dev/urandom > tiny");
  for (const name of ["large", "small", "tiny"]) {
    await mounted.other().put(name, await Deno.readFile(`${local}/${name}`));
  }
  return local;
}

async function cachedBytes(mounted: MountedBuckets): Promise<number> {
  return (await mounted.statusDocument()).cache.used_bytes;
}

const CACHED = 20 * MIB + 4096 + 8192 + 4096;

async function readAll(mounted: MountedBuckets, local: string): Promise<void> {
  await sh(mounted.path(), `for f in large small tiny; do cmp $f ${local}/$f; done`);
}

mountTest("what was read is read again after a restart without one GET", async () => {
  await withMountedBuckets(async (mounted) => {
    const local = await putFiles(mounted);
    await readAll(mounted, local);
    await eventually("all is on disk", async () => await cachedBytes(mounted) === CACHED);
    await mounted.restart();
    assert.equal(await cachedBytes(mounted), CACHED);
    const sequential = await mounted.requests(() => readAll(mounted, local));
    assert.equal(sequential.get + sequential.head, 0, JSON.stringify(sequential));

    await mounted.kill();
    await mounted.start();
    await eventually("the index is as before", async () => await cachedBytes(mounted) === CACHED);
    const random = await mounted.requests(() =>
      sh(
        mounted.path(),
        `for i in 4000 17 1234 5119 2500; do
           dd if=${local}/large of=../../part bs=4k skip=$i count=1 status=none
           dd if=large bs=4k skip=$i count=1 status=none | cmp - ../../part
         done`,
      )
    );
    assert.equal(random.get, 0, JSON.stringify(random));
    const { cache } = await mounted.status();
    assert.deepEqual(cache, { used_bytes: CACHED, hit_rate: 1 });
  });
});

mountTest("another content of the same name is fetched, and the old one not shown", async () => {
  await withMountedBuckets(async (mounted) => {
    const local = await putFiles(mounted);
    await readAll(mounted, local);
    await eventually("all is on disk", async () => await cachedBytes(mounted) === CACHED);
    await mounted.stop();
    await sh(local, `head -c ${20 * MIB + 77} /dev/urandom > large`);
    await mounted.other().put("large", await Deno.readFile(`${local}/large`));
    await mounted.start();
    const expected = await sha256OfFile(`${local}/large`);
    await eventually(
      "the new content is shown",
      async () => await sha256OfFile(`${mounted.path()}/large`) === expected,
    );
  }, { defaults: 'metadata_ttl = "1s"' });
});

mountTest("what was written is read again after a restart without one GET", async () => {
  await withMountedBuckets(async (mounted) => {
    const local = `${mounted.folder}/local`;
    await sh(mounted.folder, `mkdir local; head -c ${20 * MIB + 77} /dev/urandom > local/large`);
    await sh(local, "head -c 5000 /dev/urandom > small; head -c 1 /dev/urandom > tiny");
    await sh(mounted.path(), `cp ${local}/* .`);
    await eventually("all is on disk", async () => await cachedBytes(mounted) === CACHED);
    await mounted.restart();
    const { get } = await mounted.requests(() => readAll(mounted, local));
    assert.equal(get, 0);
    // A part of it written anew: another content, of which a part is not here.
    await sh(mounted.path(), "printf X | dd of=large bs=1 seek=5000000 conv=notrunc status=none");
    await sh(local, "printf X | dd of=large bs=1 seek=5000000 conv=notrunc status=none");
    await mounted.restart();
    await readAll(mounted, local);
  });
});

mountTest("cache stats and cache clear tell and free what is on disk", async () => {
  await withMountedBuckets(async (mounted) => {
    const local = await putFiles(mounted);
    await readAll(mounted, local);
    await eventually("all is on disk", async () => await cachedBytes(mounted) === CACHED);
    const stats = await mounted.command("cache", "stats");
    assert.match(stats.stdout, /20 MiB of 64 MiB on disk/);
    assert.match(stats.stdout, /alpha +20 MiB/);
    const other = await mounted.command("cache", "clear", "beta", "--json");
    assert.deepEqual(JSON.parse(other.stdout), { freed_bytes: 0 });
    const one = await mounted.command("cache", "clear", "alpha", "--json");
    assert.deepEqual(JSON.parse(one.stdout), { freed_bytes: CACHED });
    const json = await mounted.command("cache", "stats", "alpha", "--json");
    const { used_bytes, limit_bytes, mounts } = JSON.parse(json.stdout);
    assert.deepEqual([used_bytes, limit_bytes, mounts.length], [0, 64 * MIB, 1]);
  }, { daemon: 'cache_size = "64MiB"' });
});

mountTest("a cache directory that cannot be used fails neither mount nor reads", async () => {
  await withMountedBuckets(async (mounted) => {
    const local = await putFiles(mounted);
    await mounted.stop();
    await Deno.remove(`${mounted.folder}/cache`, { recursive: true });
    await Deno.writeTextFile(`${mounted.folder}/cache`, "a file");
    await mounted.start();
    await readAll(mounted, local);
    assert.equal((await mounted.statusDocument()).cache.limit_bytes, 0);
    assert.match(await mounted.lastWords(), /Cannot cache on disk/);
  });
});
