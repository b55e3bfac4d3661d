import assert from "node:assert/strict";
import { allocatePages, discardPages, PAGE_BYTES_MAX } from "./pages.ts";

const BYTES = 64 * 2 ** 20;

Deno.test("allocatePages gives whole pages that take no memory before they are used", () => {
  const before = Deno.memoryUsage().rss;
  const pages = allocatePages(BYTES);
  assert.equal(pages.byteLength, BYTES);
  const address = Deno.UnsafePointer.value(Deno.UnsafePointer.of(pages));
  assert.equal(address % BigInt(PAGE_BYTES_MAX), 0n);
  assert.ok(Deno.memoryUsage().rss - before < BYTES / 2);
});

Deno.test({
  name: "discardPages gives the memory back, and what lies beside it stays",
  ignore: Deno.build.os !== "linux",
  fn: () => {
    const pages = allocatePages(BYTES).fill(7);
    const full = Deno.memoryUsage().rss;
    const middle = pages.subarray(PAGE_BYTES_MAX, BYTES - PAGE_BYTES_MAX);
    discardPages(middle);
    assert.ok(full - Deno.memoryUsage().rss > BYTES / 2);
    assert.ok(middle.every((byte) => byte === 0));
    assert.equal(pages[PAGE_BYTES_MAX - 1], 7);
    assert.equal(pages[BYTES - PAGE_BYTES_MAX], 7);
  },
});
