import assert from "node:assert/strict";
import { CountingSlabs } from "../../tests/support/counting_slabs.ts";
import { nextTurn } from "../base/clock.ts";
import { BlockBuffers } from "./block_buffers.ts";

const SIZE = 256 * 1024;

Deno.test("BlockBuffers loses no memory, whether a buffer is used or put back", async () => {
  const slabs = new CountingSlabs(SIZE);
  const buffers = new BlockBuffers(slabs);
  const expected = buffers.expect(3);
  const used = expected.take(SIZE);
  expected.putBack(expected.take(SIZE));
  assert.equal(slabs.out, 2);
  expected.end();
  assert.equal(slabs.out, 1, "what was put back is not kept when nobody will take it");
  buffers.give(used);
  await nextTurn();
  await nextTurn();
  assert.equal(slabs.out, 0);
});

Deno.test("BlockBuffers uses dropped blocks again, from the next turn on", async () => {
  const slabs = new CountingSlabs(SIZE);
  const buffers = new BlockBuffers(slabs);
  const expected = buffers.expect(3);
  const dropped = expected.take(SIZE).fill(1);
  buffers.give(dropped);
  const other = expected.take(SIZE).fill(2);
  assert.equal(dropped[0], 1, "who was given it may still read it");
  await nextTurn();
  await nextTurn();
  const again = expected.take(SIZE);
  assert.equal(again.byteOffset, dropped.byteOffset);
  assert.notEqual(other.byteOffset, again.byteOffset);
  expected.end();
  assert.equal(slabs.out, 2);
});
