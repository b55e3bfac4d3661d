/**
 * After an end without order: files that the index does not name are deleted, and of the others what
 * it does not name is given back to the disk. In the background, while nothing is written.
 */
import { join } from "node:path";
import { nextTurn } from "../../base/clock.ts";
import { BLOCK_SIZE } from "../block.ts";
import { EXTENT_BLOCKS } from "./extent.ts";
import type { DiskFiles } from "./files.ts";
import type { DiskIndex } from "./index.ts";

/** What a file system may need for a sparse file itself. */
const SLACK_BYTES = 64 * 1024;
/** Files looked at in one turn of the event loop. */
const STEP = 16;

/** Ends early when the signal fires. Throws when the directory cannot be read or changed. */
export async function sweep(
  files: DiskFiles,
  index: DiskIndex,
  signal: AbortSignal,
): Promise<void> {
  for await (const folder of Deno.readDir(files.directory)) {
    if (!folder.isDirectory || !/^[0-9a-f]{2}$/.test(folder.name)) continue;
    let seen = 0;
    for await (const { name } of Deno.readDir(join(files.directory, folder.name))) {
      if (++seen % STEP === 0) await nextTurn();
      if (signal.aborted) return;
      if (name.startsWith(folder.name)) sweepFile(name, files, index);
    }
  }
}

function sweepFile(content: string, files: DiskFiles, index: DiskIndex): void {
  const extents = index.extentsOf(content);
  if (extents.length === 0) return files.remove(content);
  const known = extents.reduce((sum, { bytes }) => sum + bytes, 0);
  if (files.allocatedBytes(content) <= known + SLACK_BYTES) return;
  const present = new Set<number>();
  for (const extent of extents) {
    const first = extent.number * EXTENT_BLOCKS;
    for (let at = first; at < first + EXTENT_BLOCKS; at++) if (extent.has(at)) present.add(at);
  }
  files.keepOnly(content, BLOCK_SIZE, (block) => present.has(block));
}
