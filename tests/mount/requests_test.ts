/** Requests are money and time: how many S3 sees for what a program does. */
import assert from "node:assert/strict";
import { mountTest, withMountedBuckets } from "../support/mount_daemon.ts";
import { inParallel, printNote, python, sh } from "../support/mount_programs.ts";

const OBJECTS = 10_000;

mountTest("ls -l of 10,000 objects sends 10 LIST requests and not one HEAD", async () => {
  await withMountedBuckets(async (mounted) => {
    const keys = Array.from({ length: OBJECTS }, (_, index) => `many/${index}.txt`);
    await inParallel(keys, 32, (key) => mounted.other().put(key, key));
    const folder = mounted.path();
    let listed = "";
    const startMs = performance.now();
    const cold = await mounted.requests(async () => {
      listed = await sh(folder, "ls -l many");
    });
    await printNote(`ls -l of ${OBJECTS} objects: ${Math.round(performance.now() - startMs)} ms`);
    const lines = listed.trimEnd().split("\n").slice(1);
    assert.equal(lines.length, OBJECTS);
    for (const line of lines) {
      const [, , , , size, , , , name] = line.split(/ +/);
      assert.equal(Number(size), `many/${name}`.length);
    }
    // One more for the root, in which "many" is looked up.
    assert.ok(cold.list >= 10 && cold.list <= 12, `${cold.list} LIST requests`);
    const { list: _, ...others } = cold;
    assert.deepEqual([...new Set(Object.values(others))], [0], JSON.stringify(cold));

    const again = await mounted.requests(() =>
      sh(folder, "ls -l many | wc -l; find many -size +1M")
    );
    assert.deepEqual([...new Set(Object.values(again))], [0], JSON.stringify(again));

    const content = await mounted.requests(async () => {
      assert.equal(await sh(folder, "cat many/7777.txt"), "many/7777.txt");
    });
    assert.deepEqual({ ...content }, { ...zero(content), get: 1 });
    const cached = await mounted.requests(() =>
      sh(folder, "cat many/7777.txt; md5sum many/7777.txt")
    );
    assert.deepEqual({ ...cached }, zero(cached));
    const absent = await mounted.requests(() => sh(folder, "! cat many/nothing; test ! -e many/x"));
    assert.deepEqual({ ...absent }, zero(absent));
  });
});

mountTest("the first read of a file in a directory sends one LIST and one GET", async () => {
  await withMountedBuckets(async (mounted) => {
    await mounted.other().put("a/b.txt", "hello");
    await mounted.restart();
    const first = await mounted.requests(async () => {
      assert.equal(await sh(mounted.path(), "cat a/b.txt"), "hello");
    });
    assert.deepEqual({ ...first }, { ...zero(first), list: 1, get: 1 });
  });
});

mountTest("writing a new file sends one PUT, reading it back nothing", async () => {
  await withMountedBuckets(async (mounted) => {
    const folder = mounted.path();
    await sh(folder, "ls");
    const written = await mounted.requests(() =>
      python("open('new.txt', 'w').write('hello')", [], { cwd: folder })
    );
    assert.equal(written.put, 1, JSON.stringify(written));
    assert.equal(
      written.get + written.list + written.copy + written.delete,
      0,
      JSON.stringify(written),
    );
    const read = await mounted.requests(() => sh(folder, "cat new.txt; stat new.txt; ls -l"));
    assert.equal(read.put + read.list + read.head + read.copy, 0, JSON.stringify(read));
    assert.ok(read.get <= 1, JSON.stringify(read));
  });
});

mountTest("status counts the requests that the server counts", async () => {
  await withMountedBuckets(async (mounted) => {
    const counts = mounted.serverCounts!;
    counts.reset();
    const told = await mounted.requests(() =>
      sh(
        mounted.path(),
        "mkdir a; for i in 1 2 3 4 5; do echo $i > a/$i; done; ls -lR; cat a/*; mv a/1 a/6; chmod +x a/2; rm a/3; mv a b; rm -r b",
      )
    );
    const seen = counts.snapshot();
    const { get, put, list, head, copy } = told;
    assert.deepEqual({ get, put, list, head, copy }, {
      get: seen["GetObject"] ?? 0,
      put: seen["PutObject"] ?? 0,
      list: seen["ListObjectsV2"] ?? 0,
      head: seen["HeadObject"] ?? 0,
      copy: seen["CopyObject"] ?? 0,
    });
    const removed = (seen["DeleteObject"] ?? 0) + (seen["DeleteObjects"] ?? 0);
    assert.equal(told.delete, removed);
    assert.equal(told.errors + told.retries, 0);
  }, { server: "counted" });
});

function zero<T extends object>(counts: T): Record<string, number> {
  return Object.fromEntries(Object.keys(counts).map((name) => [name, 0]));
}
