/** The buckets that are read: made once, kept as long as the server's directory. */
import { run } from "./child.ts";
import { pseudoRandom, type S3Client } from "./s3_client.ts";
import type { Sizes } from "./sizes.ts";

/** A bucket for each; what is in it lies one directory deep. */
export type DataSet = "big" | "cached" | "small" | "many" | "tree";

const MARKS = "data.json";
/** Of objects that are only listed. */
const LISTED_BYTES = 100;

export class Data {
  readonly #client: S3Client;
  readonly #folder: string;
  readonly #sizes: Sizes;

  /** `folder` is where notes on what is there are kept. */
  constructor(client: S3Client, folder: string, sizes: Sizes) {
    this.#client = client;
    this.#folder = folder;
    this.#sizes = sizes;
  }

  /** Makes what is not there yet. `note` is told what is made. */
  async make(sets: readonly DataSet[], note: (text: string) => void): Promise<void> {
    const marks = await this.#marks();
    for (const set of sets) {
      const bucket = this.bucket(set);
      if (marks.includes(bucket)) continue;
      note(`making ${bucket}`);
      await this.#client.createBucket(bucket);
      await this.#fill(set, bucket);
      marks.push(bucket);
      await Deno.writeTextFile(`${this.#folder}/${MARKS}`, JSON.stringify(marks));
    }
  }

  /** Other sizes are other buckets. */
  bucket(set: DataSet): string {
    const { fileBytes, cachedFileBytes, smallFiles, listedFiles, treeFiles } = this.#sizes;
    const size = {
      big: fileBytes,
      cached: cachedFileBytes,
      small: smallFiles,
      many: listedFiles,
      tree: treeFiles,
    }[set];
    return `bench-${set}-of-${size}`;
  }

  async #marks(): Promise<string[]> {
    try {
      return JSON.parse(await Deno.readTextFile(`${this.#folder}/${MARKS}`));
    } catch {
      return [];
    }
  }

  async #fill(set: DataSet, bucket: string): Promise<void> {
    const sizes = this.#sizes;
    switch (set) {
      case "big":
        return await this.#client.putLarge(bucket, "data/file.bin", sizes.fileBytes);
      case "cached":
        return await this.#client.putLarge(bucket, "data/file.bin", sizes.cachedFileBytes);
      case "small":
        return await this.#client.putObjects(
          bucket,
          names("small", sizes.smallFiles),
          distinctBodies(sizes.smallBytes),
        );
      case "many":
        return await this.#client.putObjects(
          bucket,
          names("many", sizes.listedFiles),
          distinctBodies(LISTED_BYTES),
        );
      case "tree": {
        const each = sizes.treeFiles / sizes.treeDirectories;
        const keys = names("tree", sizes.treeDirectories).flatMap((folder) => names(folder, each));
        return await this.#client.putObjects(bucket, keys, distinctBodies(LISTED_BYTES));
      }
    }
  }
}

/** Bodies of which no two are the same: whoever caches by ETag must not find one in place of another. */
export function distinctBodies(bytes: number): () => Uint8Array<ArrayBuffer> {
  const block = pseudoRandom(bytes, bytes);
  let count = 0;
  return () => {
    const body = block.slice();
    new DataView(body.buffer).setUint32(0, ++count);
    return body;
  };
}

/** "folder/000000", "folder/000001", ... */
export function names(folder: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${folder}/${String(index).padStart(6, "0")}`);
}

const ROOT = new URL("../", import.meta.url);

/** A clone of this repository with its latest history. */
export async function cloneRepository(to: string): Promise<void> {
  const { code, stderr } = await run(
    "git",
    ["-c", "safe.directory=*", "clone", "--quiet"]
      .concat("--template=", "--depth=50", ROOT.href, to),
  );
  if (code !== 0) throw new Error(`Cannot clone this repository: ${stderr}`);
}

/** Paths of all files below `root/folder`. */
export async function filesBelow(root: string, folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of Deno.readDir(`${root}/${folder}`)) {
    const path = `${folder}${entry.name}`;
    if (entry.isDirectory) found.push(...await filesBelow(root, `${path}/`));
    else if (entry.isFile) found.push(path);
  }
  return found;
}
