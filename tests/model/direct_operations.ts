/** The operations of the model as calls of the file system, with what the kernel does before each. */
import { context } from "../support/memory_volume.ts";
import { type Attr, type FileSystem, FsError } from "../../src/vfs/file_system.ts";
import { type DirectKernel, isFolder, isLink } from "./direct_kernel.ts";
import { contentOf, type Operation, type Value } from "./operation.ts";
import { isOwnXattr } from "./subject.ts";

/** All operations that need no other client and no other time. */
export async function applyTo(
  fs: FileSystem,
  kernel: DirectKernel,
  operation: Operation,
): Promise<Value> {
  switch (operation.op) {
    case "open":
      await kernel.open(operation.slot, operation.path, operation.how);
      return null;
    case "hold":
      await kernel.hold(operation.slot, operation.path);
      return null;
    case "openHeld":
      await kernel.openHeld(operation.slot);
      return null;
    case "close":
      await kernel.close(operation.slot);
      return null;
    case "flush":
      await kernel.flush(operation.slot);
      return null;
    case "fsync":
      await kernel.fsync(operation.slot);
      return null;
    case "fstat": {
      const attr = await kernel.fstat(operation.slot);
      return { ...statOf(attr), nlink: attr.nlink };
    }
    case "read":
      return await kernel.read(operation.slot, operation.at, operation.size);
    case "write":
      return await kernel.write(operation.slot, operation.at, contentOf(operation));
    case "ftruncate":
      await kernel.ftruncate(operation.slot, operation.size);
      return null;
    case "fallocate":
      await kernel.fallocate(operation.slot, operation.mode, operation.at, operation.size);
      return null;
    case "seek":
      return await kernel.seek(operation.slot, operation.at, operation.whence);
    case "copy": {
      const { slot, at, toSlot, toAt, size } = operation;
      return await kernel.copy(slot, at, toSlot, toAt, size);
    }
    default:
      return await applyToPath(
        fs,
        kernel,
        operation as Extract<Operation, { readonly path: string }>,
      );
  }
}

async function applyToPath(
  fs: FileSystem,
  kernel: DirectKernel,
  operation: Extract<Operation, { readonly path: string }>,
): Promise<Value> {
  const { path } = operation;
  switch (operation.op) {
    case "stat":
      return statOf((await kernel.find(path)).attr);
    case "list":
      return await list(fs, kernel, path);
    case "readAll":
      return await kernel.readPath(path);
    case "readlink": {
      const { ino, attr } = await kernel.find(path);
      if (!isLink(attr)) throw new FsError("EINVAL", path);
      return await fs.readlink!(ino, context);
    }
    case "mkdir": {
      const { ino, name } = await kernel.free(path);
      kernel.counted((await fs.mkdir!(ino, name, 0o755, context)).ino);
      return null;
    }
    case "symlink": {
      const { ino, name } = await kernel.free(path);
      kernel.counted((await fs.symlink!(ino, name, operation.target, context)).ino);
      return null;
    }
    case "unlink":
    case "rmdir": {
      const { attr } = await kernel.find(path);
      const { ino, name } = await kernel.parent(path);
      if (operation.op === "unlink" && isFolder(attr)) throw new FsError("EISDIR", path);
      if (operation.op === "rmdir" && !isFolder(attr)) throw new FsError("ENOTDIR", path);
      await fs[operation.op]!(ino, name, context);
      return null;
    }
    case "rename":
      await rename(fs, kernel, operation);
      return null;
    default:
      return await change(fs, kernel, operation);
  }
}

/** What changes the attributes of a path. */
async function change(
  fs: FileSystem,
  kernel: DirectKernel,
  operation: Extract<Operation, { readonly path: string }>,
): Promise<Value> {
  const { path } = operation;
  const { ino, attr } = await kernel.follow(path);
  switch (operation.op) {
    case "truncate":
      if (isFolder(attr)) throw new FsError("EISDIR", path);
      await fs.setattr!(ino, { size: operation.size }, undefined, context);
      return null;
    case "chmod":
      await fs.setattr!(ino, { mode: operation.mode }, undefined, context);
      return null;
    case "utimes": {
      const time = { sec: operation.seconds, nsec: 0 };
      await fs.setattr!(ino, { mtime: time, atime: time }, undefined, context);
      return null;
    }
    case "setxattr":
      await fs.setxattr!(ino, operation.name, contentOf(operation), operation.flags, context);
      return null;
    case "getxattr":
      return await fs.getxattr!(ino, operation.name, context);
    case "removexattr":
      await fs.removexattr!(ino, operation.name, context);
      return null;
    case "listxattr":
      return (await fs.listxattr!(ino, context)).filter(isOwnXattr).sort();
    default:
      throw new Error(`No such operation: ${operation.op}`);
  }
}

async function list(fs: FileSystem, kernel: DirectKernel, path: string): Promise<Value> {
  const { ino, attr } = await kernel.follow(path);
  if (!isFolder(attr)) throw new FsError("ENOTDIR", path);
  const { fh } = await fs.opendir!(ino, 0, context);
  const found: string[] = [];
  let position = 0;
  for (let from = -1; position !== from;) {
    from = position;
    await fs.readdir!(ino, fh, from, ({ name, entry, cookie }) => {
      position = cookie;
      if (name === "." || name === "..") return true;
      const known = entry?.();
      if (known?.attr === undefined) throw new Error(`READDIRPLUS has no attributes of "${name}"`);
      kernel.counted(known.ino);
      found.push(`${name} ${kindOf(known.attr)}`);
      return true;
    }, context);
  }
  await fs.releasedir!(ino, fh, context);
  return found.sort();
}

/** The checks of do_renameat2() and vfs_rename(), in their order. */
async function rename(
  fs: FileSystem,
  kernel: DirectKernel,
  { path, to, flags }: Extract<Operation, { op: "rename" }>,
): Promise<void> {
  const source = await kernel.parent(path);
  const target = await kernel.parent(to);
  const { attr, ino } = await kernel.find(path);
  const there = await kernel.tryFind(to);
  const isExchange = flags === 2;
  if (flags === 1 && there !== undefined) throw new FsError("EEXIST", to);
  if (isExchange && there === undefined) throw new FsError("ENOENT", to);
  if (to.startsWith(`${path}/`)) throw new FsError("EINVAL", to);
  if (path.startsWith(`${to}/`)) throw new FsError(isExchange ? "EINVAL" : "ENOTEMPTY", to);
  if (there?.ino === ino) return;
  if (there !== undefined && !isExchange) {
    if (isFolder(attr) && !isFolder(there.attr)) throw new FsError("ENOTDIR", to);
    if (!isFolder(attr) && isFolder(there.attr)) throw new FsError("EISDIR", to);
  }
  await fs.rename!(source.ino, source.name, target.ino, target.name, flags, context);
}

function statOf(attr: Attr): { readonly [name: string]: Value } {
  const kind = kindOf(attr);
  return {
    kind,
    mode: attr.mode & 0o7777,
    mtime: attr.mtime.nsec === 0 ? attr.mtime.sec : attr.mtime.sec + attr.mtime.nsec / 1e9,
    ...(kind === "folder" ? {} : { size: attr.size }),
  };
}

function kindOf(attr: Attr): string {
  return isFolder(attr) ? "folder" : isLink(attr) ? "symlink" : "file";
}
