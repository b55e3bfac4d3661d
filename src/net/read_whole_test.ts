import assert from "node:assert/strict";
import { readWhole } from "./read_whole.ts";

/** A body of `size` bytes that comes in pieces of `piece`. */
function bodyOf(size: number, piece: number) {
  let left = size;
  return {
    isCancelled: false,
    get hasEnded() {
      return left === 0;
    },
    read(target: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
      const count = Math.min(left, piece, target.byteLength);
      left -= count;
      return Promise.resolve(target.fill(1, 0, count).subarray(0, count));
    },
    cancel(): Promise<void> {
      this.isCancelled = true;
      return Promise.resolve();
    },
  };
}

Deno.test("readWhole gives all of a body, whether or not its length is known", async () => {
  for (const size of [0, 1, 100, 16 * 1024, 16 * 1024 + 1, 200_000]) {
    for (const known of [size, undefined]) {
      const whole = await readWhole(bodyOf(size, 7_000), known, 200_000);
      assert.equal(whole.byteLength, size);
      assert.ok(whole.every((byte) => byte === 1));
    }
  }
});

Deno.test("readWhole refuses a body that is longer than allowed, and ends it", async () => {
  const body = bodyOf(200_001, 7_000);
  await assert.rejects(readWhole(body, undefined, 200_000), /longer than 200000 bytes/);
  assert.equal(body.isCancelled, true);
});
