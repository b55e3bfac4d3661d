import assert from "node:assert/strict";
import { untilAborted } from "../base/until_aborted.ts";
import { FakeClock } from "../../tests/support/fake_clock.ts";
import { drain } from "../../tests/support/journalled_volume.ts";
import { context, MemoryVolume } from "../../tests/support/memory_volume.ts";

Deno.test("Remove does not wait long for an endpoint to say that a directory's last name has gone", async () => {
  const clock = new FakeClock();
  await using volume = new MemoryVolume({ durability: "journal", clock });
  await volume.mkdir("d");
  await drain(volume);
  const directory = await volume.ino("d");
  await volume.write("d/f", "x");
  const silence = Promise.withResolvers<void>();
  volume.store.hook = (_call, signal) => untilAborted(silence.promise, signal);
  await clock.advance(61_000);
  const startMs = performance.now();
  await volume.fs.unlink(directory, "f", context);
  const tookMs = performance.now() - startMs;
  assert.ok(tookMs > 1000, "it was asked");
  assert.ok(tookMs < 10_000, `${tookMs} ms`);
  volume.store.hook = undefined;
  silence.resolve();
  await drain(volume);
  assert.deepEqual(await volume.keys(), ["d/"]);
});
