import assert from "node:assert/strict";
import { DEMO_BUCKETS, pseudoRandom, SMALL_FILES, SMALL_PREFIX } from "./content.ts";

Deno.test("The demo has two buckets with text, pictures, a nested tree, 2,000 small files and 64 MiB", () => {
  assert.deepEqual(DEMO_BUCKETS.map(({ name }) => name), ["documents", "photos"]);
  const objects = DEMO_BUCKETS.flatMap(({ objects }) => objects);
  const small = objects.filter(({ key }) => key.startsWith(SMALL_PREFIX));
  assert.equal(small.length, SMALL_FILES);
  assert.ok(objects.some(({ key }) => key.split("/").length > 4));
  const sizes = objects.map(({ bytes }) => bytes().length);
  assert.equal(Math.max(...sizes), 64 * 2 ** 20);
  assert.equal(new Set(objects.map(({ key }) => key)).size, objects.length);
});

Deno.test("The demo's pictures are whole bitmaps", () => {
  for (const { key, bytes } of DEMO_BUCKETS[1]!.objects) {
    if (!key.endsWith(".bmp")) continue;
    const file = bytes();
    const view = new DataView(file.buffer);
    assert.equal(String.fromCharCode(file[0]!, file[1]!), "BM");
    assert.equal(view.getUint32(2, true), file.length);
    const [width, height] = [view.getInt32(18, true), -view.getInt32(22, true)];
    assert.equal(file.length, view.getUint32(10, true) + width * height * 3);
  }
});

Deno.test("pseudoRandom gives the same bytes for the same seed, of any size", () => {
  assert.deepEqual(pseudoRandom(1001, 7), pseudoRandom(1001, 7));
  assert.equal(pseudoRandom(1001, 7).length, 1001);
  assert.notDeepEqual(pseudoRandom(1001, 7), pseudoRandom(1001, 8));
});
