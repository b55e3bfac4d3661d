import assert from "node:assert/strict";
import { returnFreedMemory } from "./allocator.ts";

Deno.test("returnFreedMemory leaves the process working", () => {
  returnFreedMemory();
  const buffers = Array.from({ length: 64 }, () => new Uint8Array(2 ** 20).fill(1));
  assert.equal(buffers.reduce((sum, buffer) => sum + buffer[2 ** 19]!, 0), 64);
});
