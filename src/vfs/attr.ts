/** The attributes that stat(2) shows for an inode. */
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG, type Timespec, timespecOfMs } from "../base/posix.ts";
import type { PosixAttributes } from "../cache/posix_metadata.ts";
import type { Attr } from "./file_system.ts";
import type { DirectoryInode, FileInode, Inode } from "./inode.ts";
import type { Volume, VolumeOptions } from "./volume.ts";

const PERMISSION_BITS = 0o7777;
const EPOCH: Timespec = { sec: 0, nsec: 0 };

export function attrOf(volume: Volume, inode: Inode): Attr {
  return inode.kind === "file"
    ? fileAttr(volume.options, inode)
    : directoryAttr(volume.options, inode);
}

function fileAttr(options: VolumeOptions, inode: FileInode): Attr {
  const { attributes } = inode;
  const mtime = attributes.mtime ?? timespecOfMs(inode.lastModifiedMs);
  return {
    ino: inode.number,
    size: inode.size,
    mtime,
    atime: inode.atime ?? mtime,
    ctime: inode.ctime ?? mtime,
    mode: modeOf(options, inode),
    nlink: inode.unlinked ? 0 : 1,
    uid: attributes.uid ?? options.uid,
    gid: attributes.gid ?? options.gid,
    rdev: 0,
  };
}

function directoryAttr(options: VolumeOptions, inode: DirectoryInode): Attr {
  const { attributes } = inode;
  const mtime = inode.changed ?? attributes.mtime ?? EPOCH;
  return {
    ino: inode.number,
    size: 4096,
    mtime,
    atime: inode.atime ?? mtime,
    ctime: inode.ctime ?? mtime,
    mode: modeOf(options, inode),
    // One, as on btrfs: how many subdirectories there are is not known without listing them.
    nlink: inode.unlinked ? 0 : 1,
    uid: attributes.uid ?? options.uid,
    gid: attributes.gid ?? options.gid,
    rdev: 0,
  };
}

/** Type and permission bits. A type that an object of this kind cannot have is not believed. */
export function modeOf(options: VolumeOptions, inode: Inode): number {
  const own = inode.attributes.mode;
  if (inode.kind === "directory") {
    return S_IFDIR | ((own ?? options.dirMode) & PERMISSION_BITS);
  }
  if (own !== undefined && (own & S_IFMT) === S_IFLNK) return S_IFLNK | 0o777;
  return S_IFREG | ((own ?? options.fileMode) & PERMISSION_BITS);
}

/** What a new file or directory has to remember: only what differs from the mount's defaults. */
export function newAttributes(
  options: VolumeOptions,
  mode: number,
  owner: { readonly uid: number; readonly gid: number },
  mtime: Timespec,
): PosixAttributes {
  const usual = (mode & S_IFMT) === S_IFDIR ? options.dirMode : options.fileMode;
  return {
    ...((mode & PERMISSION_BITS) === usual && (mode & S_IFMT) !== S_IFLNK ? {} : { mode }),
    // An owner is another on each machine: the mount's own user stays "whoever mounts".
    ...(owner.uid === options.uid ? {} : { uid: owner.uid }),
    ...(owner.gid === options.gid ? {} : { gid: owner.gid }),
    mtime,
  };
}
