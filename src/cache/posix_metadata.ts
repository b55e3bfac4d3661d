/**
 * POSIX attributes in object metadata. Written in the dialect of s3fs: `mode` (decimal st_mode with the
 * type bits), `uid`, `gid`, `mtime` (seconds, with a fraction for nanoseconds); rclone writes `mtime`
 * in the same form. A symbolic link is an object whose content is the target and whose mode says so.
 * Source: s3fs-fuse, src/s3fs.cpp (put_headers, s3fs_symlink); rclone, backend/s3 ("Modified time").
 */
import { S_IFMT, type Timespec } from "../base/posix.ts";
import type { Metadata } from "../s3/object_store.ts";

/** What is set on one file or directory; absent: the mount's default. */
export interface PosixAttributes {
  /** Type and permission bits. */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtime?: Timespec;
  /** Where a symbolic link points, when known without reading the object. */
  readonly target?: string;
}

const NAMES = ["mode", "uid", "gid", "mtime"] as const;

/** The attributes in an object's metadata; values that make no sense are ignored. */
export function decodePosixMetadata(metadata: Metadata): PosixAttributes {
  const mode = decodeNumber(metadata["mode"]);
  const uid = decodeNumber(metadata["uid"]);
  const gid = decodeNumber(metadata["gid"]);
  const mtime = decodeTime(metadata["mtime"]);
  return {
    // Without type bits it is not an st_mode: another program's idea of "mode".
    ...(mode !== undefined && (mode & S_IFMT) !== 0 && mode <= 0o177777 ? { mode } : {}),
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
    ...(mtime === undefined ? {} : { mtime }),
  };
}

/** `metadata` with the given attributes put in; what else it holds stays. */
export function encodePosixMetadata(
  attributes: PosixAttributes,
  metadata: Metadata = {},
): Metadata {
  const result: Record<string, string> = { ...metadata };
  for (const name of NAMES) delete result[name];
  const { mode, uid, gid, mtime } = attributes;
  if (mode !== undefined) result["mode"] = String(mode);
  if (uid !== undefined) result["uid"] = String(uid);
  if (gid !== undefined) result["gid"] = String(gid);
  if (mtime !== undefined) result["mtime"] = encodeTime(mtime);
  return result;
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

function encodeTime(time: Timespec): string {
  const negative = time.sec < 0;
  const sec = negative && time.nsec > 0 ? -time.sec - 1 : Math.abs(time.sec);
  const nsec = negative && time.nsec > 0 ? 1e9 - time.nsec : time.nsec;
  const fraction = nsec === 0 ? "" : `.${String(nsec).padStart(9, "0")}`;
  return `${negative ? "-" : ""}${sec}${fraction}`;
}
