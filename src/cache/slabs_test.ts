import assert from "node:assert/strict";
import { Slabs } from "./slabs.ts";

const PIECE = 256 * 1024;

Deno.test("Slabs gives pieces that do not touch each other", () => {
  const slabs = new Slabs(PIECE);
  const pieces = Array.from({ length: 600 }, (_, i) => slabs.take().fill(i % 251));
  for (const [i, piece] of pieces.entries()) {
    assert.equal(piece.byteLength, PIECE);
    assert.ok(piece.every((byte) => byte === i % 251), `piece ${i}`);
  }
});

Deno.test("Slabs gives a piece again that was given back", () => {
  const slabs = new Slabs(PIECE);
  const first = slabs.take();
  const second = slabs.take();
  slabs.give(first);
  const again = slabs.take();
  assert.ok(again.buffer === first.buffer && again.byteOffset === first.byteOffset);
  assert.notEqual(second.byteOffset, again.byteOffset);
});

Deno.test({
  name: "Slabs has no memory for pieces that were given back",
  ignore: Deno.build.os !== "linux",
  fn: () => {
    const slabs = new Slabs(PIECE);
    const pieces = Array.from({ length: 400 }, () => slabs.take().fill(1));
    const full = Deno.memoryUsage().rss;
    for (const piece of pieces) slabs.give(piece);
    assert.ok(full - Deno.memoryUsage().rss > 400 * PIECE / 2);
  },
});
