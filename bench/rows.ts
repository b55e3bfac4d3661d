/** The rows of the table: what is measured, and what Cloudmount has to reach (issue 5). */
import type { Network } from "./line.ts";
import type { Sizes } from "./sizes.ts";

export type Unit = "ms" | "s" | "MB/s" | "/s" | "MiB";

export interface Row {
  readonly id: string;
  readonly title: (sizes: Sizes) => string;
  readonly unit: Unit;
  /** What Cloudmount's figure is to be, as a multiple of the best peer's. */
  readonly goal?: Readonly<Partial<Record<Network, number>>>;
  /** The fewest requests by which the work can be done. */
  readonly minimum?: (sizes: Sizes) => number;
  /** So many more than the minimum and a tenth of it are no failure of a quick run. */
  readonly spare?: number;
}

/** Whether more is better. */
export function isRate(unit: Unit): boolean {
  return unit === "MB/s" || unit === "/s";
}

const PAGE = 1000;
const pages = (count: number) => Math.ceil(count / PAGE);
const mib = (bytes: number) =>
  bytes >= 2 ** 30 ? `${bytes / 2 ** 30} GiB` : `${bytes / 2 ** 20} MiB`;
const kib = (bytes: number) => `${bytes / 1024} KiB`;
const many = (count: number) => count.toLocaleString("en-US");

export const ROWS: readonly Row[] = [
  {
    id: "first-byte",
    title: () => "first byte of a cold file, mount just made",
    unit: "ms",
    goal: { near: 1, far: 1.3 },
    minimum: () => 2,
    // The directory above may be listed too.
    spare: 1,
  },
  {
    id: "read",
    title: ({ fileBytes }) => `sequential read, ${mib(fileBytes)}, cold`,
    unit: "MB/s",
    goal: { near: 1, far: 1.3 },
    minimum: ({ fileBytes }) => 1 + Math.ceil(fileBytes / (8 * 2 ** 20)),
    // The first requests are small ones.
    spare: 2,
  },
  {
    id: "read-again",
    title: () => "the same after a restart (disk cache)",
    unit: "MB/s",
    goal: { near: 1.5, far: 1.5 },
    minimum: () => 1,
  },
  {
    id: "random-4k",
    title: ({ fileBytes }) => `random 4 KiB reads, 1 thread, cold, ${mib(fileBytes)}`,
    unit: "/s",
    goal: { near: 1.5, far: 1.5 },
  },
  {
    id: "random-128k",
    title: () => "random 128 KiB reads, 16 threads, cold",
    unit: "/s",
    goal: { near: 1.5, far: 2 },
  },
  {
    id: "random-cached",
    title: () => "random 4 KiB reads, cached by the program",
    unit: "/s",
    minimum: () => 0,
  },
  {
    id: "small-1",
    title: ({ smallFiles, smallBytes }) =>
      `${many(smallFiles)} files of ${kib(smallBytes)} read one by one, cold`,
    unit: "/s",
    goal: { near: 1.5, far: 8 },
    minimum: ({ smallFiles }) => smallFiles + pages(smallFiles) + 1,
  },
  {
    id: "small-16",
    title: () => "the same, 16 at a time",
    unit: "/s",
    goal: { near: 1.5, far: 2 },
    minimum: ({ smallFiles }) => smallFiles + pages(smallFiles) + 1,
  },
  {
    id: "ls",
    title: ({ listedFiles }) => `ls -l of ${many(listedFiles)} objects, cold`,
    unit: "s",
    goal: { near: 1, far: 1 },
    minimum: ({ listedFiles }) => pages(listedFiles) + 1,
  },
  {
    id: "ls-again",
    title: () => "the same again",
    unit: "s",
    goal: { near: 3, far: 3 },
    minimum: () => 0,
  },
  {
    id: "stat",
    title: () => "stat of the entries, after that",
    unit: "/s",
    goal: { near: 0.7, far: 0.7 },
    minimum: () => 0,
  },
  {
    id: "ls-restart",
    title: () => "ls -l after a restart",
    unit: "s",
    goal: { near: 10, far: 10 },
    minimum: ({ listedFiles }) => pages(listedFiles) + 1,
  },
  {
    id: "find",
    title: ({ treeFiles, treeDirectories }) =>
      `find over ${many(treeFiles)} objects in ${many(treeDirectories)} directories, cold`,
    unit: "s",
    goal: { near: 2, far: 5 },
    minimum: ({ treeFiles }) => pages(treeFiles) + 1,
    spare: 1,
  },
  {
    id: "du",
    title: () => "du over the same, cold",
    unit: "s",
    goal: { near: 2, far: 5 },
    minimum: ({ treeFiles }) => pages(treeFiles) + 1,
    spare: 1,
  },
  {
    id: "write",
    title: ({ writtenBytes }) => `sequential write ${mib(writtenBytes)} + fsync + close, all in S3`,
    unit: "MB/s",
    goal: { near: 1, far: 1.2 },
  },
  {
    id: "copy",
    title: ({ copiedFiles, smallBytes }) => `cp -r of ${copiedFiles} files of ${kib(smallBytes)}`,
    unit: "/s",
    goal: { near: 1, far: 1 },
  },
  {
    id: "copy-flush",
    title: () => "the same until all is in S3",
    unit: "/s",
    goal: { near: 2, far: 5 },
    minimum: ({ copiedFiles }) => copiedFiles + 2,
  },
  {
    id: "edit",
    title: ({ editedBytes }) => `4 KiB edit in a ${mib(editedBytes)} object + fsync, in S3`,
    unit: "s",
    goal: { near: 1, far: 1 },
  },
  {
    id: "rename",
    title: ({ renamedFiles }) => `rename of a directory of ${many(renamedFiles)} objects`,
    unit: "s",
    goal: { near: 2, far: 3 },
    minimum: ({ renamedFiles }) => renamedFiles + 2 * pages(renamedFiles) + 2,
    // versitygw obeys no condition on copies and on many deletions: each is a HEAD, COPY and DELETE.
    spare: Infinity,
  },
  {
    id: "remove",
    title: () => "rm -r of it, until it is gone in S3",
    unit: "s",
    goal: { near: 2, far: 3 },
  },
  {
    id: "git-clone",
    title: () => "git clone of this repository into the mount",
    unit: "s",
    goal: { near: 1.5, far: 3 },
  },
  {
    id: "git-status",
    title: () => "git status of a clone, cold",
    unit: "s",
    goal: { near: 1.5, far: 3 },
  },
  {
    id: "dead-neighbour",
    title: () => "sequential read beside a mount with a dead endpoint",
    unit: "MB/s",
  },
  {
    id: "idle",
    title: () => "resident memory with 3 idle mounts",
    unit: "MiB",
  },
];

export function rowOf(id: string): Row {
  const row = ROWS.find((row) => row.id === id);
  if (row === undefined) throw new Error(`Cannot find row "${id}"`);
  return row;
}
