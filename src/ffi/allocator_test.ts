import assert from "node:assert/strict";
import { returnFreedMemory, trimHeaps } from "./allocator.ts";

Deno.test("trimHeaps leaves the process working", async () => {
  const texts = Array.from({ length: 1000 }, (_, n) => `text ${n}`);
  await trimHeaps();
  assert.equal(texts.at(-1), "text 999");
});

Deno.test("returnFreedMemory leaves the process working", () => {
  returnFreedMemory();
  const buffers = Array.from({ length: 64 }, () => new Uint8Array(2 ** 20).fill(1));
  assert.equal(buffers.reduce((sum, buffer) => sum + buffer[2 ** 19]!, 0), 64);
});
