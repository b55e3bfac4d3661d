import assert from "node:assert/strict";
import { RequestBuffers } from "./request_buffers.ts";

Deno.test("RequestBuffers gives out at most its limit and uses buffers again", () => {
  const buffers = new RequestBuffers(64, 2);
  const first = buffers.take();
  const second = buffers.take();
  assert.ok(first && second && first !== second);
  assert.equal(buffers.take(), undefined);
  buffers.give(first);
  assert.equal(buffers.take(), first);
  assert.equal(first.bytes.buffer, first.view.buffer);
  assert.equal(first.bytes.length, 64);
});
