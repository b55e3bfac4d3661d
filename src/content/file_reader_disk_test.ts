/** Reads of what is on disk: without a request, and without memory for whole blocks. */
import assert from "node:assert/strict";
import { DiskRig, putSource } from "../../tests/support/disk_rig.ts";
import { SeededRandom } from "../../tests/support/seeded_random.ts";
import { systemClock } from "../base/clock.ts";
import { BLOCK_SIZE } from "../cache/block.ts";
import { MemoryStore } from "../s3/stores/memory.ts";
import { FileReaders } from "./file_readers.ts";

const never = new AbortController().signal;
const SIZE = 9 * BLOCK_SIZE + 100;

Deno.test("FileReader reads from disk, whether the kernel has it in its cache or not", async () => {
  const directory = await Deno.makeTempDir({ prefix: "cloudmount-disk-" });
  try {
    const rig = await DiskRig.start({ directory });
    const store = rig.add(new MemoryStore());
    const bytes = new SeededRandom(1).bytes(SIZE);
    const source = await putSource(store, "key", bytes);
    await rig.blocks.fill(source, 0, 10)!.ended;
    await rig.saved(source);
    assert.equal(store.counts.get, 1);
    for (const isDropped of [false, true]) {
      const reader = new FileReaders(rig.blocks, systemClock).open();
      for (const [offset, size] of [[5, 10], [300_000, 4096], [BLOCK_SIZE - 7, BLOCK_SIZE + 20]]) {
        if (isDropped) await dropFromKernel(directory);
        const views = await reader.read(source, offset!, size!, never);
        assert.deepEqual(
          Uint8Array.from(views.flatMap((view) => [...view])),
          bytes.slice(offset!, offset! + size!),
        );
      }
      reader.close();
    }
    assert.equal(store.counts.get, 1);
    assert.equal(rig.blocks.usage().usedBytes, 0);
    assert.equal(rig.blocks.usage().hitRate, 1);
    await rig.close();
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

async function dropFromKernel(directory: string): Promise<void> {
  const script = `sync; find . -type f -path './??/*' -exec dd if={} iflag=nocache count=0 \\;`;
  await new Deno.Command("sh", { args: ["-c", script], cwd: directory, stderr: "null" }).output();
}
