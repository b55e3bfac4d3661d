/** What is there after a crash: as another S3 client sees it, and whether the mount shows the same. */
import { createHash } from "node:crypto";
import { EMPTY_SHA256, signV4 } from "../../src/s3/sign_v4.ts";
import type { OtherClient } from "../support/mount_client.ts";
import { inParallel } from "../support/mount_programs.ts";
import type { TestS3Server } from "../support/s3_servers.ts";
import { type Deviation, DeviationError, type Found, type FoundTree } from "./compare.ts";
import { type DirectoryNode, type Node, walk } from "./expected_tree.ts";
import type { Scanned } from "./writers.ts";

const READS_AT_ONCE = 8;
const S_IFMT = 0o170000;
const S_IFLNK = 0o120000;

/** All objects below a prefix as a tree; keys that end with "/" and the parents of keys are directories. */
export async function findInBucket(bucket: OtherClient, prefix: string): Promise<FoundTree> {
  const found = new Map<string, Found>();
  const keys: string[] = [];
  for (const key of await bucket.keys(prefix)) {
    const path = key.slice(prefix.length);
    for (let at = path.indexOf("/"); at >= 0; at = path.indexOf("/", at + 1)) {
      found.set(path.slice(0, at), { kind: "directory" });
    }
    if (!key.endsWith("/")) keys.push(key);
  }
  await inParallel(keys, READS_AT_ONCE, async (key) => {
    const path = key.slice(prefix.length);
    // A directory of the same name stays what it is, and this is noticed as one name too many.
    found.set(found.has(path) ? `${path} (object)` : path, await findObject(bucket, key));
  });
  return found;
}

/** Metadata in the dialect of s3fs: `mode` is a decimal st_mode, `mtime` seconds with a fraction. */
async function findObject(bucket: OtherClient, key: string): Promise<Found> {
  const head = await bucket.head(key);
  if (head === undefined) throw new Error(`${key} is listed, but not there`);
  const bytes = await bucket.get(key);
  const { mode, mtime } = head.metadata;
  const bits = mode === undefined ? undefined : Number(mode);
  if (bits !== undefined && (bits & S_IFMT) === S_IFLNK) {
    return { kind: "link", target: new TextDecoder().decode(bytes) };
  }
  return {
    kind: "file",
    bytes,
    ...(bits === undefined ? {} : { mode: bits & 0o7777 }),
    ...(mtime === undefined ? {} : { mtime: nanoseconds(mtime) }),
  };
}

function nanoseconds(seconds: string): string {
  const [whole = "", fraction = ""] = seconds.split(".");
  return String(BigInt(whole) * 1_000_000_000n + BigInt(fraction.padEnd(9, "0").slice(0, 9)));
}

/**
 * The mount shows what the bucket holds, and the modes and times that were acknowledged (a listing does
 * not tell the others). Throws `DeviationError`.
 */
export function mustShow(
  scanned: readonly Scanned[],
  found: FoundTree,
  acknowledged: DirectoryNode,
  when: string,
): void {
  const nodes = new Map(walk(acknowledged));
  const result: Deviation[] = [];
  const seen = new Map(scanned.map((entry) => [entry.path, entry]));
  for (const [path, object] of found) {
    const entry = seen.get(path);
    const what = entry === undefined
      ? "is not there"
      : entryDifference(entry, object, nodes.get(path));
    if (what !== undefined) result.push({ path, what });
  }
  for (const path of seen.keys()) {
    if (!found.has(path)) result.push({ path, what: "is not in the bucket" });
  }
  if (result.length > 0) throw new DeviationError(`The mount does not show it ${when}`, result);
}

function entryDifference(
  entry: Scanned,
  object: Found,
  node: Node | undefined,
): string | undefined {
  if (entry.kind !== object.kind) return `is a ${entry.kind}, not a ${object.kind}`;
  if (object.kind === "link" && entry.target !== object.target) return `points to ${entry.target}`;
  if (object.kind !== "file") return undefined;
  const { bytes } = object;
  if (entry.size !== bytes.length) return `has ${entry.size} bytes, not ${bytes.length}`;
  if (entry.sha256 !== createHash("sha256").update(bytes).digest("hex")) {
    return "has other bytes than the object";
  }
  if (node?.kind !== "file") return undefined;
  const { mode, mtime } = node;
  if (mode !== undefined && entry.mode !== mode) {
    return `has the mode ${entry.mode.toString(8)}, not ${mode.toString(8)}`;
  }
  if (mtime !== undefined && entry.mtime !== mtime) {
    return `has the mtime ${entry.mtime}, not ${mtime}`;
  }
  return undefined;
}

/** The keys of multipart uploads that were neither completed nor aborted. */
export async function unfinishedUploads(server: TestS3Server, bucket: string): Promise<string[]> {
  const headers = signV4({
    method: "GET",
    host: new URL(server.url).host,
    path: `/${bucket}`,
    query: "uploads=",
    headers: {},
    payloadHash: EMPTY_SHA256,
    region: "us-east-1",
    timeMs: Date.now(),
  }, server);
  const response = await fetch(`${server.url}/${bucket}?uploads=`, { headers });
  const text = await response.text();
  if (!response.ok) throw new Error(`Cannot list uploads: ${response.status} ${text}`);
  return [...text.matchAll(/<Key>([^<]*)<\/Key>/g)].map((match) => match[1]!);
}
