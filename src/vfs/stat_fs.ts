import { NAME_MAX } from "../listings/names.ts";
import type { StatFs } from "./file_system.ts";

/** A bucket has no size: what statfs(2) tells is large enough for every program. */
const CAPACITY_BYTES = 2 ** 50;
const BLOCK_BYTES = 4096;

/** What statfs(2) tells of every mount. */
export const STAT_FS: StatFs = {
  blockSize: BLOCK_BYTES,
  blocks: CAPACITY_BYTES / BLOCK_BYTES,
  blocksFree: CAPACITY_BYTES / BLOCK_BYTES,
  files: 2 ** 32 - 1,
  filesFree: 2 ** 32 - 1,
  nameMax: NAME_MAX,
};
