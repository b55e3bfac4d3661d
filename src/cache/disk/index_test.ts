import assert from "node:assert/strict";
import { withSeed } from "../../../tests/support/seeded_random.ts";
import { BLOCK_SIZE } from "../block.ts";
import { checksums, EXTENT_BLOCKS } from "./extent.ts";
import { DiskIndex } from "./index.ts";

async function withPath(use: (path: string) => void | Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "cloudmount-disk-" });
  try {
    await use(`${directory}/index.db`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Enters a block as the writer does. */
function enter(index: DiskIndex, content: string, block: number, volume: number): void {
  const extent = index.get(content, Math.floor(block / EXTENT_BLOCKS));
  extent.volume = volume;
  extent.add(block, BLOCK_SIZE, checksums(new Uint8Array(BLOCK_SIZE).fill(block)));
  index.use(extent);
  index.changed(extent);
}

Deno.test("DiskIndex has everything again after it was closed", async () => {
  await withPath((path) => {
    const first = new DiskIndex(path, { check: false });
    const [photos, music] = [first.volume("photos"), first.volume("music")];
    enter(first, "a", 0, photos);
    enter(first, "a", 3, photos);
    enter(first, "a", 40, photos);
    enter(first, "b", 0, music);
    first.close();

    const second = new DiskIndex(path, { check: true });
    assert.deepEqual([second.volume("photos"), second.volume("music")], [photos, music]);
    assert.deepEqual(
      second.bytesByVolume(),
      new Map([[photos, 3 * BLOCK_SIZE], [music, BLOCK_SIZE]]),
    );
    const extent = second.get("a", 0);
    assert.deepEqual([0, 1, 3].map((block) => extent.has(block)), [true, false, true]);
    const bytes = new Uint8Array(BLOCK_SIZE).fill(3);
    assert.ok(extent.isRight(bytes, 3 * BLOCK_SIZE));
    assert.ok(extent.isRight(bytes.subarray(0, 32 * 1024), 3 * BLOCK_SIZE + 64 * 1024));
    bytes[100_000] = 4;
    assert.equal(extent.isRight(bytes, 3 * BLOCK_SIZE), false);
    assert.deepEqual(second.extentsOf("a").map(({ number }) => number), [0, 2]);
    second.close();
  });
});

Deno.test("DiskIndex tells what was used longest ago, over restarts and whatever is in memory", async () => {
  await withPath(async (path) => {
    await withSeed((random) => {
      let index = new DiskIndex(path, { check: false });
      /** The latest last. */
      let order: { content: string; volume: number }[] = [];
      for (let step = 0; step < 2000; step++) {
        const content = String(random.below(40));
        const volume = 1 + Number(content) % 2;
        switch (random.below(6)) {
          case 0: {
            const wanted = random.pick([0, 1, 2]);
            const expected = order.find(({ volume }) => wanted === 0 || volume === wanted);
            const oldest = index.oldest(wanted);
            assert.equal(oldest?.content, expected?.content);
            if (oldest === undefined || random.below(2) === 0) break;
            oldest.clear();
            index.changed(oldest);
            order = order.filter(({ content }) => content !== oldest.content);
            break;
          }
          case 1:
            index.flush();
            break;
          case 2:
            if (random.below(20) > 0) break;
            index.close();
            index = new DiskIndex(path, { check: true });
            break;
          default: {
            const extent = index.get(content, 0);
            if (extent.isEmpty) enter(index, content, 0, volume);
            else index.use(extent);
            order = order.filter((other) => other.content !== content);
            order.push({ content, volume });
          }
        }
      }
      index.close();
    });
  });
});

Deno.test("DiskIndex refuses a file that it cannot use", async () => {
  await withPath(async (path) => {
    await Deno.writeTextFile(path, "something else ".repeat(1000));
    assert.throws(() => new DiskIndex(path, { check: false }));
  });
});
