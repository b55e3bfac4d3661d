/** All buckets: the subdirectories of the served directory that hold a `bucket.json`. */
import type { Clock } from "../../base/clock.ts";
import { ifThere } from "../../base/if_there.ts";
import { Bucket } from "./bucket.ts";
import { S3Error } from "../s3_error.ts";

export class Buckets {
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #buckets: Map<string, Bucket>;

  private constructor(directory: string, clock: Clock, buckets: Map<string, Bucket>) {
    this.#directory = directory;
    this.#clock = clock;
    this.#buckets = buckets;
  }

  /** Reads the records of all buckets; makes the directory if it is missing. */
  static async load(directory: string, clock: Clock): Promise<Buckets> {
    await Deno.mkdir(directory, { recursive: true });
    const buckets = new Map<string, Bucket>();
    for await (const { name, isDirectory } of Deno.readDir(directory)) {
      const path = `${directory}/${name}`;
      if (!isDirectory || !(await exists(`${path}/bucket.json`))) continue;
      buckets.set(name, await Bucket.load(name, path, clock));
    }
    return new Buckets(directory, clock, buckets);
  }

  has(name: string): boolean {
    return this.#buckets.has(name);
  }

  get(name: string): Bucket {
    const bucket = this.#buckets.get(name);
    if (bucket !== undefined) return bucket;
    throw new S3Error("NoSuchBucket", "The specified bucket does not exist", {
      details: { BucketName: name },
    });
  }

  /** Sorted by name. */
  all(): Bucket[] {
    return [...this.#buckets.values()].sort((a, b) => a.name < b.name ? -1 : 1);
  }

  create(name: string): void {
    checkBucketName(name);
    const details = { BucketName: name };
    if (this.has(name)) {
      throw new S3Error(
        "BucketAlreadyOwnedByYou",
        "Your previous request to create the named bucket succeeded and you already own it.",
        { details },
      );
    }
    try {
      this.#buckets.set(name, Bucket.create(name, `${this.#directory}/${name}`, this.#clock));
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
      // A directory that is not ours, or a half-made bucket: never mix with it.
      throw new S3Error(
        "BucketAlreadyExists",
        `The directory ${name} exists and is no bucket of this server: remove or rename it.`,
        { details },
      );
    }
  }

  remove(name: string): void {
    const bucket = this.get(name);
    if (!bucket.isEmpty) {
      const hint = bucket.versioning === "Unversioned"
        ? ""
        : " You must delete all versions in the bucket.";
      throw new S3Error("BucketNotEmpty", `The bucket you tried to delete is not empty.${hint}`, {
        details: { BucketName: name },
      });
    }
    this.#buckets.delete(name);
    bucket.destroy();
  }
}

/** The rules of the S3 user guide, "General purpose bucket naming rules". */
function checkBucketName(name: string): void {
  const labels = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;
  const length = name.length >= 3 && name.length <= 63;
  if (
    length && labels.test(name) && !/^(\d+\.){3}\d+$/.test(name) && !/^xn--|-s3alias$/.test(name)
  ) {
    return;
  }
  throw new S3Error("InvalidBucketName", "The specified bucket is not valid.", {
    details: { BucketName: name },
  });
}

async function exists(path: string): Promise<boolean> {
  return await ifThere(Deno.stat(path)) !== undefined;
}
