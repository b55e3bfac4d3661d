/**
 * POSIX attributes in object metadata.
 *
 * Written in the dialect of s3fs: `mode` (decimal st_mode with the type bits), `uid`, `gid`, `mtime`,
 * `atime` (seconds, with a fraction for nanoseconds), `xattr` (percent-encoded JSON of names and
 * base64 values); and `rdev` (decimal) for devices. A symbolic link is an object whose content is the
 * target and whose mode says so; pipes, sockets and devices are empty objects whose mode says so.
 *
 * Read as well: rclone's `mtime` (the same form); `rdev` and `--symlink-target` of geesefs and goofys;
 * `gcsfuse_mtime` (RFC 3339) and `gcsfuse_symlink_target` of gcsfuse; `goog-reserved-file-mtime` of
 * gsutil and gcloud.
 *
 * Source: s3fs-fuse, src/s3fs.cpp (put_headers, s3fs_symlink, build_xattrs); rclone, backend/s3
 * ("Modified time"); geesefs, core/cfg/flags.go; gcsfuse, internal/gcsx and docs/semantics.md.
 */
import { S_IFLNK, S_IFMT, type Timespec, timespecOfMs } from "../base/posix.ts";
import type { Metadata } from "../s3/object_store.ts";

/** What is set on one file or directory; absent: the mount's default. */
export interface PosixAttributes {
  /** Type and permission bits. */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtime?: Timespec;
  readonly atime?: Timespec;
  /** Of a device: its number, as in st_rdev. */
  readonly rdev?: number;
  /** Where a symbolic link points, when known without reading the object. */
  readonly target?: string;
  /** Extended attributes: base64 values by full names ("user.comment"). */
  readonly xattrs?: Readonly<Record<string, string>>;
}

/** What this program writes; other programs' names stay as they are. */
const NAMES = ["mode", "uid", "gid", "mtime", "atime", "rdev", "xattr"] as const;

const TARGET_NAMES = ["--symlink-target", "gcsfuse_symlink_target"] as const;

/** The attributes in an object's metadata; values that make no sense are ignored. */
export function decodePosixMetadata(metadata: Metadata): PosixAttributes {
  const target = TARGET_NAMES.map((name) => metadata[name]).find((text) => text !== undefined);
  const mode = decodeMode(metadata["mode"]) ?? (target === undefined ? undefined : S_IFLNK | 0o777);
  const uid = decodeNumber(metadata["uid"]);
  const gid = decodeNumber(metadata["gid"]);
  const rdev = decodeNumber(metadata["rdev"]);
  const mtime = decodeTime(metadata["mtime"]) ?? decodeDate(metadata["gcsfuse_mtime"]) ??
    decodeTime(metadata["goog-reserved-file-mtime"]);
  const atime = decodeTime(metadata["atime"]);
  const xattrs = decodeXattrs(metadata["xattr"]);
  return {
    ...(mode === undefined ? {} : { mode }),
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
    ...(mtime === undefined ? {} : { mtime }),
    ...(atime === undefined ? {} : { atime }),
    ...(rdev === undefined ? {} : { rdev }),
    ...(target === undefined ? {} : { target }),
    ...(xattrs === undefined ? {} : { xattrs }),
  };
}

/** `metadata` with the given attributes put in; what else it holds stays. */
export function encodePosixMetadata(
  attributes: PosixAttributes,
  metadata: Metadata = {},
): Metadata {
  const result: Record<string, string> = { ...metadata };
  for (const name of NAMES) delete result[name];
  const { mode, uid, gid, mtime, atime, rdev, target, xattrs } = attributes;
  // Other programs' ways to say "symbolic link" hold for what is one still.
  if (target === undefined) { for (const name of TARGET_NAMES) delete result[name]; }
  if (mode !== undefined) result["mode"] = String(mode);
  if (uid !== undefined) result["uid"] = String(uid);
  if (gid !== undefined) result["gid"] = String(gid);
  if (mtime !== undefined) {
    result["mtime"] = encodeTime(mtime);
    // Ours counts, and theirs would contradict it.
    delete result["gcsfuse_mtime"];
    delete result["goog-reserved-file-mtime"];
  }
  if (atime !== undefined) result["atime"] = encodeTime(atime);
  if (rdev !== undefined) result["rdev"] = String(rdev);
  if (xattrs !== undefined && Object.keys(xattrs).length > 0) {
    result["xattr"] = encodeURIComponent(JSON.stringify(xattrs));
  }
  return result;
}

/** Without type bits it is not an st_mode: another program's idea of "mode". */
function decodeMode(text: string | undefined): number | undefined {
  const mode = decodeNumber(text);
  return mode !== undefined && (mode & S_IFMT) !== 0 && mode <= 0o177777 ? mode : undefined;
}

function decodeNumber(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,10}$/.test(text)) return undefined;
  const value = Number(text);
  return value <= 0xffffffff ? value : undefined;
}

function decodeTime(text: string | undefined): Timespec | undefined {
  const match = /^(-?)(\d{1,12})(?:\.(\d{1,9})\d*)?$/.exec(text ?? "");
  if (match === null) return undefined;
  const sec = Number(match[2]);
  const nsec = Number((match[3] ?? "").padEnd(9, "0"));
  if (match[1] === "") return { sec, nsec };
  return nsec === 0 ? { sec: -sec, nsec: 0 } : { sec: -sec - 1, nsec: 1e9 - nsec };
}

/** RFC 3339 with up to nine digits of a second's fraction. */
function decodeDate(text: string | undefined): Timespec | undefined {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/
    .exec(text ?? "");
  if (match === null) return undefined;
  const ms = Date.parse(match[1]! + match[3]!);
  if (Number.isNaN(ms)) return undefined;
  return { ...timespecOfMs(ms), nsec: Number((match[2] ?? "").padEnd(9, "0")) };
}

function decodeXattrs(text: string | undefined): Record<string, string> | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(decodeURIComponent(text));
    if (typeof value !== "object" || value === null) return undefined;
    const pairs = Object.entries(value).filter(([, v]) => typeof v === "string");
    return pairs.length === 0 ? undefined : Object.fromEntries(pairs);
  } catch {
    return undefined;
  }
}

function encodeTime(time: Timespec): string {
  const negative = time.sec < 0;
  const sec = negative && time.nsec > 0 ? -time.sec - 1 : Math.abs(time.sec);
  const nsec = negative && time.nsec > 0 ? 1e9 - time.nsec : time.nsec;
  const fraction = nsec === 0 ? "" : `.${String(nsec).padStart(9, "0")}`;
  return `${negative ? "-" : ""}${sec}${fraction}`;
}
