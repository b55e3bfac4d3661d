/** The attributes that stat(2) shows for an inode. */
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG, type Timespec, timespecOfMs } from "../base/posix.ts";
import type { PosixAttributes } from "../listings/posix_metadata.ts";
import type { FileFacts } from "../listings/name_table.ts";
import type { Attr, InodeNumber } from "./file_system.ts";
import type { DirectoryInode, FileInode, Inode } from "./inode.ts";
import type { Volume, VolumeOptions } from "./volume.ts";

const PERMISSION_BITS = 0o7777;
const EPOCH: Timespec = { sec: 0, nsec: 0 };

export function attrOf(volume: Volume, inode: Inode): Attr {
  return inode.kind === "file" ? fileAttr(volume.options, inode) : directoryAttr(volume, inode);
}

/** Of a file of which no more is known than what a listing tells. */
export function listedAttr(options: VolumeOptions, ino: InodeNumber, file: FileFacts): Attr {
  const mtime = timespecOfMs(file.lastModifiedMs);
  return {
    ino,
    size: file.size,
    mtime,
    atime: mtime,
    ctime: mtime,
    mode: S_IFREG | (options.fileMode & PERMISSION_BITS),
    nlink: 1,
    uid: options.uid,
    gid: options.gid,
    rdev: 0,
  };
}

function fileAttr(options: VolumeOptions, inode: FileInode): Attr {
  const { attributes } = inode;
  const mtime = attributes.mtime ?? timespecOfMs(inode.lastModifiedMs);
  return {
    ino: inode.number,
    size: inode.size,
    mtime,
    atime: attributes.atime ?? mtime,
    ctime: inode.ctime ?? mtime,
    mode: modeOf(options, inode),
    nlink: inode.unlinked ? 0 : 1,
    uid: attributes.uid ?? options.uid,
    gid: attributes.gid ?? options.gid,
    rdev: attributes.rdev ?? 0,
  };
}

function directoryAttr(volume: Volume, inode: DirectoryInode): Attr {
  const { options } = volume;
  const { attributes } = inode;
  const mtime = inode.changed ?? attributes.mtime ?? EPOCH;
  return {
    ino: inode.number,
    size: 4096,
    mtime,
    atime: attributes.atime ?? mtime,
    ctime: inode.ctime ?? mtime,
    mode: modeOf(options, inode),
    nlink: inode.unlinked ? 0 : linksOf(volume, inode),
    uid: attributes.uid ?? options.uid,
    gid: attributes.gid ?? options.gid,
    rdev: 0,
  };
}

/**
 * Two and one for each subdirectory; one, which means unknown, where these were not listed. The
 * inodes below may be any number and are not gone through: this is asked for anew after each change.
 */
function linksOf(volume: Volume, inode: DirectoryInode): number {
  const { prefix, children } = inode;
  const listed = inode.isNew ? [] : volume.options.listings.peekDirectories(prefix);
  if (listed === undefined) return 1;
  const onlyListed = listed.filter((name) =>
    children.peek(name)?.kind !== "directory" && !volume.changes.isRemoved(`${prefix}${name}/`)
  );
  return 2 + children.directoryCount + onlyListed.length;
}

/** Type and permission bits. A type that an object of this kind cannot have is not believed. */
export function modeOf(options: VolumeOptions, inode: Inode): number {
  const own = inode.attributes.mode;
  if (inode.kind === "directory") {
    return S_IFDIR | ((own ?? options.dirMode) & PERMISSION_BITS);
  }
  if (inode.isSymlink) return S_IFLNK | 0o777;
  return inode.type | ((own ?? options.fileMode) & PERMISSION_BITS);
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
    ...((mode & PERMISSION_BITS) === usual && isUsualType(mode) ? {} : { mode }),
    // An owner is another on each machine: the mount's own user stays "whoever mounts".
    ...(owner.uid === options.uid ? {} : { uid: owner.uid }),
    ...(owner.gid === options.gid ? {} : { gid: owner.gid }),
    mtime,
  };
}

/** A type that an object has without saying so. */
function isUsualType(mode: number): boolean {
  const type = mode & S_IFMT;
  return type === S_IFREG || type === S_IFDIR;
}
