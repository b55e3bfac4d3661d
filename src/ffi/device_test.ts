import assert from "node:assert/strict";
import { openDevice } from "./device.ts";
import { SystemError } from "./system_error.ts";

/** A named pipe opened for both reading and writing gives back what is written to it. */
async function withPipe(run: (path: string) => Promise<void>) {
  const folder = await Deno.makeTempDir({ prefix: "cloudmount-device-" });
  try {
    const path = `${folder}/pipe`;
    await new Deno.Command("mkfifo", { args: [path] }).output();
    await run(path);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("Device writes small and large pieces in order, also views into larger buffers", async () => {
  await withPipe(async (path) => {
    const device = openDevice(path);
    const into = new Uint8Array(new ArrayBuffer(128 << 10));
    assert.equal(device.read(into), 0);
    assert.equal(device.hasMessage(), false);
    device.write([new Uint8Array(3)]);
    assert.equal(device.hasMessage(), true);
    assert.equal(device.read(into), 3);
    const whole = new Uint8Array(60 << 10).map((_, index) => index % 253);
    for (const pieces of [[16, 100], [16, 0, 30_000, 5, 20_000], [1]]) {
      let at = 3;
      const parts = pieces.map((length) => whole.subarray(at, at += length));
      assert.equal(device.write(parts), 0);
      assert.equal(device.read(into), at - 3);
      assert.deepEqual(into.subarray(0, at - 3), whole.subarray(3, at));
    }
    const many = Array.from({ length: 30_000 }, (_, index) => whole.subarray(index, index + 1));
    assert.equal(device.write(many), 0);
    assert.equal(device.read(into), 30_000);
    assert.deepEqual(into.subarray(0, 30_000), whole.subarray(0, 30_000));
    await device.close();
  });
});

Deno.test("Device wait ends when a message comes and when it is woken", async () => {
  await withPipe(async (path) => {
    const device = openDevice(path);
    const waiting = device.wait();
    await device.writeElsewhere(new Uint8Array([1, 2, 3]));
    await waiting;
    const into = new Uint8Array(new ArrayBuffer(16));
    assert.equal(device.read(into), 3);
    const woken = device.wait();
    device.wake();
    await woken;
    const closing = device.wait();
    await device.close();
    await closing;
    assert.ok(device.read(into) < 0);
  });
});

Deno.test("Device doze ends when a message comes, when it is woken, and after a while", async () => {
  await withPipe(async (path) => {
    const device = openDevice(path);
    const into = new Uint8Array(new ArrayBuffer(16));
    const written = device.writeElsewhere(new Uint8Array([1, 2, 3]));
    while (device.read(into) === 0) device.doze(900);
    await written;
    device.doze(1);
    assert.equal(device.read(into), 0);
    device.wake();
    device.doze(900_000);
    await device.close();
  });
});

Deno.test("openDevice tells which device it cannot open", () => {
  assert.throws(
    () => openDevice("/dev/nothing"),
    (error) => error instanceof SystemError && error.errno === "ENOENT",
  );
});
