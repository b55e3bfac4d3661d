/** Compares a bucket with the tree that it must hold, as any S3 program sees it. */
import { S_IFLNK, S_IFMT } from "../../src/base/posix.ts";
import { bytesDiffer } from "./operation.ts";
import { Mismatch } from "./subject.ts";
import { FILE_MODE, FOLDER_MODE, type TreeNode } from "./reference_nodes.ts";
import type { ReferenceTree } from "./reference_tree.ts";

export interface BucketView {
  /** All keys with their sizes. */
  list(): Promise<ReadonlyMap<string, number>>;
  get(key: string): Promise<Uint8Array>;
  metadata(key: string): Promise<Readonly<Record<string, string>>>;
}

/** Throws what is wrong: every file is an object with its bytes, and there is no other object but folders. */
export async function checkBucket(tree: ReferenceTree, bucket: BucketView): Promise<void> {
  const keys = await bucket.list();
  const expected = new Set<string>();
  for (const [path, node] of tree.walk()) {
    if (node.kind === "folder") {
      expected.add(`${path}/`);
      if (node.implicit ? !hasBelow(keys, path) : !keys.has(`${path}/`)) {
        throw new Mismatch(`In the bucket no object shows the folder "${path}"`);
      }
      if (keys.has(`${path}/`)) checkAttributes(path, node, await bucket.metadata(`${path}/`));
      continue;
    }
    expected.add(path);
    if (!keys.has(path)) throw new Mismatch(`In the bucket there is no object "${path}"`);
    const wrong = bytesDiffer(await bucket.get(path), bytesOf(node));
    if (wrong !== undefined) throw new Mismatch(`In the bucket, of "${path}" ${wrong}`);
    checkAttributes(path, node, await bucket.metadata(path));
  }
  for (const key of keys.keys()) {
    if (!expected.has(key)) {
      throw new Mismatch(`In the bucket there is "${key}", which nothing stands for`);
    }
  }
}

function hasBelow(keys: ReadonlyMap<string, number>, path: string): boolean {
  return [...keys.keys()].some((key) => key.startsWith(`${path}/`));
}

function bytesOf(node: Exclude<TreeNode, { kind: "folder" }>): Uint8Array {
  return node.kind === "file"
    ? node.content.read(0, node.content.size)
    : new TextEncoder().encode(node.target);
}

/** The dialect of s3fs: the modes and times that differ from what an object has by itself. */
function checkAttributes(
  path: string,
  node: TreeNode,
  metadata: Readonly<Record<string, string>>,
): void {
  const mode = Number(metadata["mode"] ?? Number.NaN);
  if ((node.kind === "symlink") !== ((mode & S_IFMT) === S_IFLNK)) {
    throw new Mismatch(
      `In the bucket "${path}" has the mode ${metadata["mode"]}, and is a ${node.kind}`,
    );
  }
  if (node.kind !== "symlink") {
    const usual = node.kind === "file" ? FILE_MODE : FOLDER_MODE;
    const permissions = Number.isNaN(mode) ? usual : mode & 0o7777;
    if (permissions !== node.mode) {
      throw new Mismatch(
        `In the bucket "${path}" has the mode ${permissions.toString(8)}, not ${
          node.mode.toString(8)
        }`,
      );
    }
  }
  if (node.mtime !== undefined && Number(metadata["mtime"]) !== node.mtime) {
    throw new Mismatch(
      `In the bucket "${path}" has the mtime ${metadata["mtime"]}, not ${node.mtime}`,
    );
  }
}
