/** How much each row works with. */

export interface Sizes {
  /** Read from its beginning to its end, and at random places. */
  readonly fileBytes: number;
  /** Read at random places when it was read before. */
  readonly cachedFileBytes: number;
  readonly smallReads: number;
  readonly largeReads: number;
  readonly cachedReads: number;
  readonly smallFiles: number;
  readonly smallBytes: number;
  readonly listedFiles: number;
  readonly treeDirectories: number;
  readonly treeFiles: number;
  readonly writtenBytes: number;
  readonly copiedFiles: number;
  readonly editedBytes: number;
  readonly renamedFiles: number;
  /** Operations that take longer are cut off. */
  readonly limitSeconds: number;
}

const KIB = 1024;
const MIB = 1024 * KIB;

export const FULL: Sizes = {
  fileBytes: 1024 * MIB,
  cachedFileBytes: 64 * MIB,
  smallReads: 500,
  largeReads: 1000,
  cachedReads: 20_000,
  smallFiles: 2000,
  smallBytes: 16 * KIB,
  listedFiles: 10_000,
  treeDirectories: 1000,
  treeFiles: 20_000,
  writtenBytes: 512 * MIB,
  copiedFiles: 500,
  editedBytes: 64 * MIB,
  renamedFiles: 1000,
  limitSeconds: 60,
};

/** To see that everything works, and how many requests it takes. */
export const QUICK: Sizes = {
  fileBytes: 24 * MIB,
  cachedFileBytes: 4 * MIB,
  smallReads: 20,
  largeReads: 40,
  cachedReads: 500,
  smallFiles: 40,
  smallBytes: 16 * KIB,
  listedFiles: 1500,
  treeDirectories: 20,
  treeFiles: 200,
  writtenBytes: 24 * MIB,
  copiedFiles: 10,
  editedBytes: 20 * MIB,
  renamedFiles: 20,
  limitSeconds: 20,
};
