import assert from "node:assert/strict";
import { ContinuousClock } from "../base/continuous_clock.ts";
import { AccessDeniedError, TransportError } from "../s3/errors.ts";
import { FakeClock } from "../../tests/support/fake_clock.ts";
import { MemoryVolume, until } from "../../tests/support/memory_volume.ts";
import { ROOT_INODE } from "./file_system.ts";

const details = { operation: "PutObject", bucket: "bucket" };

Deno.test("retryUploads tries at once what has failed, for whatever reason", async () => {
  for (
    const error of [new TransportError("reset", details), new AccessDeniedError("no", details)]
  ) {
    const clock = new FakeClock(Date.UTC(2026, 0, 1));
    await using volume = new MemoryVolume({ durability: "journal", clock });
    volume.store.hook = ({ method }) => {
      if (method === "put") throw error;
    };
    for (const name of ["a", "b"]) await volume.write(name, name);
    for (let second = 0; second < 100; second++) await clock.advance(1000);
    await until(() => volume.fs.uploads().failed.length === 2);
    await until(() => volume.fs.uploads().active === 0);
    volume.store.hook = undefined;
    const before = clock.nowMs();
    volume.fs.retryUploads();
    await until(() => volume.fs.uploads().pendingFiles === 0);
    assert.equal(clock.nowMs(), before);
    assert.equal(await volume.object("b"), "b");
  }
});

Deno.test("what was believed before 8 hours of sleep is asked for anew after it", async () => {
  const clock = new FakeClock(Date.UTC(2026, 0, 1));
  await using volume = new MemoryVolume({ clock: new ContinuousClock(clock) });
  await volume.putObject("d/known", "old");
  assert.deepEqual(await volume.list("d"), ["known"]);
  assert.deepEqual(await volume.calls(() => volume.list("d")), {});
  await volume.putObject("d/new", "");
  clock.jump(8 * 3_600_000);
  assert.deepEqual(await volume.list("d"), ["known", "new"]);
});

Deno.test("after sleep the kernel is told to ask again for the names that it knows", async () => {
  await using volume = new MemoryVolume();
  await volume.putObject("d/f", "");
  const ino = await volume.ino("d");
  await volume.ino("d/f");
  const told: string[] = [];
  volume.fs.setNotifier({
    invalidateInode: () => {},
    invalidateEntry: () => {},
    expireEntry: (parent, name) => told.push(`${parent}/${name}`),
  });
  volume.fs.expireNames();
  assert.deepEqual(told, [`${ROOT_INODE}/d`, `${ino}/f`]);
});

Deno.test("its own object is recognised after any number of attempts that were in vain", async () => {
  const clock = new FakeClock(Date.UTC(2026, 0, 1));
  await using volume = new MemoryVolume({ durability: "journal", clock });
  const lost = new TransportError("the answer was lost", details);
  let attempts = 0;
  volume.store.answerHook = ({ method }) => {
    if (method !== "put") return Promise.resolve();
    attempts++;
    return Promise.reject(lost);
  };
  for (let version = 0; version < 40; version++) {
    await volume.write("f", `version ${version}`);
    const before = attempts;
    while (attempts === before) await clock.advance(1000);
    await until(() => volume.fs.uploads().active === 0);
    // From now on nothing gets there.
    volume.store.answerHook = undefined;
    volume.store.hook = ({ method }) => {
      if (method !== "put") return;
      attempts++;
      throw lost;
    };
  }
  assert.equal(await volume.object("f"), "version 0");
  volume.store.hook = undefined;
  volume.fs.retryUploads();
  await until(() => volume.fs.uploads().pendingFiles === 0);
  assert.deepEqual(volume.fs.conflicts(), []);
  assert.equal(await volume.object("f"), "version 39");
});
