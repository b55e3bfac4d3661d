/**
 * What a mount must hold after a series of operations: a tree in memory that answers each operation as
 * Linux does. Times are known only where utimens(2) set them and nothing changed the file since.
 */
import { contentOf, type Expected, type Operation, show, type Value } from "./operation.ts";
import {
  attributes,
  Check,
  common,
  Fails,
  file,
  type FileNode,
  folder,
  NodeTree,
  setExplicit,
  Skipped,
  type TreeNode,
  unlink,
} from "./reference_nodes.ts";
import { copyOf } from "./subject.ts";

interface Slot {
  readonly node: FileNode;
  readonly readable: boolean;
  readonly writable: boolean;
  readonly append: boolean;
}

export class ReferenceTree {
  readonly #nodes = new NodeTree();
  readonly #slots = new Map<number, Slot>();
  readonly #held = new Map<number, FileNode>();

  /** Does `operation`, and tells what it must do; undefined: it has to be left out. */
  apply(operation: Operation): Expected | undefined {
    try {
      const result = this.#apply(operation);
      return result instanceof Check ? result : { value: result };
    } catch (error) {
      if (error instanceof Fails) return { error: error.errno };
      if (error instanceof Skipped) return undefined;
      throw error;
    }
  }

  /** Every path with what is there, parents first. */
  walk(): Generator<readonly [path: string, node: TreeNode]> {
    return this.#nodes.walk();
  }

  get openSlots(): readonly number[] {
    return [...this.#slots.keys()];
  }

  /** The size of the file in a slot; 0 of an empty one. */
  sizeOf(slot: number): number {
    return this.#slots.get(slot)?.node.content.size ?? 0;
  }

  #apply(operation: Operation): Value | Check {
    switch (operation.op) {
      case "open":
        return this.#open(operation);
      case "hold": {
        const node = this.#nodes.find(operation.path);
        if (node.kind !== "file") throw new Skipped();
        this.#held.set(operation.slot, node);
        return null;
      }
      case "openHeld":
        return this.#openHeld(operation.slot);
      case "close":
        this.#slot(operation.slot);
        this.#slots.delete(operation.slot);
        return null;
      case "fsync":
      case "flush":
        this.#slot(operation.slot);
        return null;
      case "fstat": {
        const { node } = this.#slot(operation.slot);
        return { ...attributes(node), nlink: node.linked ? 1 : 0 };
      }
      case "write":
      case "ftruncate":
      case "fallocate":
        return this.#change(operation);
      case "read": {
        const { node, readable } = this.#slot(operation.slot);
        if (operation.size === 0) throw new Skipped();
        if (!readable) throw new Fails("EBADF");
        return node.content.read(operation.at, operation.size);
      }
      case "copy":
        return this.#copy(operation);
      case "seek": {
        const { content } = this.#slot(operation.slot).node;
        const { whence, at } = operation;
        return new Check((outcome) => content.checkSeek(whence, at, outcome));
      }
      case "remotePut":
      case "remoteDelete":
        return this.#remote(operation);
      case "race":
        return this.#race(operation);
      case "restart":
        if (operation.how === "handOver") return null;
        this.#slots.clear();
        this.#held.clear();
        return null;
      case "forget":
      case "pass":
      case "verify":
        return null;
      default:
        return this.#applyToPath(operation);
    }
  }

  #applyToPath(operation: Extract<Operation, { path: string }>): Value | Check {
    const { path } = operation;
    switch (operation.op) {
      case "truncate": {
        const node = this.#nodes.follow(path);
        if (node.kind === "folder") throw new Fails("EISDIR");
        node.content.truncate(operation.size);
        node.mtime = undefined;
        return null;
      }
      case "mkdir":
        this.#nodes.add(path, folder());
        return null;
      case "symlink": {
        const { target } = operation;
        this.#nodes.add(path, { kind: "symlink", target, ...common(0o777) });
        return null;
      }
      case "rmdir":
      case "unlink":
        return this.#remove(operation);
      case "rename":
        return this.#rename(operation);
      case "stat":
        return attributes(this.#nodes.find(path));
      case "list":
        return this.#list(path);
      case "readlink": {
        const node = this.#nodes.find(path);
        if (node.kind !== "symlink") throw new Fails("EINVAL");
        return node.target;
      }
      case "readAll": {
        const node = this.#nodes.find(path);
        if (node.kind !== "file") throw new Skipped();
        return node.content.read(0, node.content.size);
      }
      case "chmod": {
        const node = this.#nodes.follow(path);
        if (node === this.#nodes.root) throw new Skipped();
        node.mode = operation.mode;
        setExplicit(node);
        return null;
      }
      case "utimes": {
        const node = this.#nodes.follow(path);
        if (node === this.#nodes.root) throw new Skipped();
        node.mtime = operation.seconds;
        setExplicit(node);
        return null;
      }
      default:
        return this.#xattr(operation as Extract<Operation, { op: `${string}xattr` }>);
    }
  }

  #open({ slot, path, how }: Extract<Operation, { op: "open" }>): Value | Check {
    const { create = false, excl = false, trunc = false, append = false, access } = how;
    const isFolderToRead = !create && access === "r" &&
      this.#nodes.tryFind(path)?.kind === "folder";
    if (isFolderToRead || (trunc && access === "r")) throw new Skipped();
    this.#slots.delete(slot);
    const { parent, name } = this.#nodes.parent(path);
    let node = name === "" ? this.#nodes.root : parent.children.get(name);
    if (node !== undefined && create && excl) throw new Fails("EEXIST");
    if (node === undefined) {
      if (!create) throw new Fails("ENOENT");
      node = file();
      this.#nodes.put(parent, name, node);
    }
    if (node.kind === "symlink") throw new Fails("ELOOP");
    if (node.kind === "folder") throw new Fails("EISDIR");
    if (trunc) {
      node.content.truncate(0);
      node.mtime = undefined;
    }
    this.#slots.set(slot, {
      node,
      readable: access !== "w",
      writable: access !== "r",
      append,
    });
    return null;
  }

  /** What was removed meanwhile may be gone, and then says so; it is never another file, or half of one. */
  #openHeld(slot: number): Value | Check {
    const node = this.#held.get(slot);
    if (node === undefined) throw new Skipped();
    this.#slots.delete(slot);
    const opened = { node, readable: true, writable: false, append: false };
    if (node.linked) {
      this.#slots.set(slot, opened);
      return null;
    }
    return new Check((outcome) => {
      if ("value" in outcome) this.#slots.set(slot, opened);
      else if (outcome.error !== "ESTALE") return `is ${show(outcome)}, not ESTALE`;
      return undefined;
    });
  }

  #change(
    operation: Extract<Operation, { op: "write" | "ftruncate" | "fallocate" }>,
  ): Value | Check {
    const { node, writable, append } = this.#slot(operation.slot);
    const { content } = node;
    const { op, size } = operation;
    if (!writable) throw new Fails(op === "ftruncate" ? "EINVAL" : "EBADF");
    if (op !== "ftruncate" && size === 0) throw new Skipped();
    node.mtime = undefined;
    if (op === "write") {
      content.write(append ? content.size : operation.at, contentOf(operation));
      return size;
    }
    if (op === "ftruncate") content.truncate(size);
    else content.allocate(operation.mode, operation.at, size);
    return null;
  }

  #copy({ slot, at, toSlot, toAt, size }: Extract<Operation, { op: "copy" }>): Value | Check {
    const from = this.#slot(slot);
    const to = this.#slot(toSlot);
    if (size === 0) throw new Skipped();
    if (!from.readable || !to.writable || to.append) throw new Fails("EBADF");
    const count = Math.max(0, Math.min(size, from.node.content.size - at));
    if (from.node === to.node && toAt + count > at && toAt < at + count) throw new Fails("EINVAL");
    if (count === 0) return 0;
    to.node.content.write(toAt, from.node.content.read(at, count));
    to.node.mtime = undefined;
    return count;
  }

  #remove({ op, path }: { readonly op: "rmdir" | "unlink"; readonly path: string }): null {
    const { parent, name } = this.#nodes.parent(path);
    const node = this.#nodes.find(path);
    if (node === this.#nodes.root) throw new Skipped();
    if (op === "unlink" && node.kind === "folder") throw new Fails("EISDIR");
    if (op === "rmdir") {
      if (node.kind !== "folder") throw new Fails("ENOTDIR");
      if (node.children.size > 0) throw new Fails("ENOTEMPTY");
    }
    unlink(node);
    this.#nodes.put(parent, name, undefined);
    return null;
  }

  /** The checks come in the order of do_renameat2() and vfs_rename() (fs/namei.c). */
  #rename({ path, to, flags }: Extract<Operation, { op: "rename" }>): null {
    const source = this.#nodes.parent(path);
    const target = this.#nodes.parent(to);
    if (source.name === "" || target.name === "") throw new Skipped();
    const node = this.#nodes.find(path);
    const there = target.parent.children.get(target.name);
    const exchange = flags === 2;
    if (flags === 1 && there !== undefined) throw new Fails("EEXIST");
    if (exchange && there === undefined) throw new Fails("ENOENT");
    if (to.startsWith(`${path}/`)) throw new Fails("EINVAL");
    if (path.startsWith(`${to}/`)) throw new Fails(exchange ? "EINVAL" : "ENOTEMPTY");
    if (there === node) return null;
    if (there !== undefined && !exchange) {
      if (node.kind === "folder" && there.kind !== "folder") throw new Fails("ENOTDIR");
      if (node.kind !== "folder" && there.kind === "folder") throw new Fails("EISDIR");
      if (there.kind === "folder" && there.children.size > 0) throw new Fails("ENOTEMPTY");
      unlink(there);
      // The object of an empty folder becomes that of the one that replaces it.
      setExplicit(node);
    }
    this.#nodes.put(target.parent, target.name, node);
    this.#nodes.put(source.parent, source.name, exchange ? there : undefined);
    return null;
  }

  #list(path: string): Value {
    const node = this.#nodes.follow(path);
    if (node.kind !== "folder") throw new Fails("ENOTDIR");
    return [...node.children].map(([name, { kind }]) => `${name} ${kind}`).sort();
  }

  #xattr(operation: Extract<Operation, { op: `${string}xattr` }>): Value | Check {
    const node = this.#nodes.follow(operation.path);
    if (node === this.#nodes.root) throw new Skipped();
    const { xattrs } = node;
    if (operation.op === "listxattr") return [...xattrs.keys()].sort();
    const { name } = operation;
    const value = xattrs.get(name);
    if (operation.op === "setxattr") {
      if (operation.flags === 1 && value !== undefined) throw new Fails("EEXIST");
      if (operation.flags === 2 && value === undefined) throw new Fails("ENODATA");
      xattrs.set(name, contentOf(operation));
      setExplicit(node);
      return null;
    }
    if (value === undefined) throw new Fails("ENODATA");
    if (operation.op === "getxattr") return value;
    xattrs.delete(name);
    return null;
  }

  #remote(operation: Extract<Operation, { op: "remotePut" | "remoteDelete" }>): Value | Check {
    const { op, path } = operation;
    const missing = this.#checkRemote(path);
    if (op === "remoteDelete") {
      if (missing.length > 0) throw new Skipped();
      const { parent, name } = this.#nodes.parent(path);
      const node = parent.children.get(name);
      if (node === undefined) throw new Skipped();
      unlink(node);
      parent.children.delete(name);
      this.#nodes.prune(path);
      return null;
    }
    for (const path of missing) this.#nodes.putQuietly(path, { ...folder(), implicit: true });
    const there = this.#nodes.tryFind(path);
    if (there !== undefined) unlink(there);
    this.#nodes.putQuietly(path, file(contentOf(operation)));
    return null;
  }

  /**
   * Both sides change one file. Nothing may be lost: the other client's version keeps the name, and
   * what was written here is beside it under a name that tells so.
   */
  #race({ path, remote, local }: Extract<Operation, { op: "race" }>): Check {
    if (this.#checkRemote(path).length > 0) throw new Skipped();
    const { parent, name } = this.#nodes.parent(path);
    const before = parent.children.get(name);
    if (before === undefined && (remote === "delete" || local === "unlink")) throw new Skipped();
    if (before !== undefined && before.kind !== "file") throw new Skipped();
    if (parent.children.has(copyOf(name))) throw new Skipped();
    parent.mtime = undefined;
    let mine: FileNode | undefined;
    if (local !== "unlink") {
      // Written over what was there: its attributes stay.
      mine = before ?? file();
      mine.content.truncate(0);
      mine.content.write(0, contentOf(local));
      mine.mtime = undefined;
    } else if (before !== undefined) unlink(before);
    parent.children.delete(name);
    // It was the last one, as far as was known here.
    if (local === "unlink" && parent.children.size === 0) parent.implicit = false;
    if (remote !== "delete") parent.children.set(name, file(contentOf(remote)));
    return new Check((outcome) => {
      if ("error" in outcome) return `failed with ${outcome.error}`;
      const { copies, late } = outcome.value as { copies: number; late: boolean };
      if (copies > (mine === undefined ? 0 : 1)) return `made ${copies} copies`;
      if (copies === 1) parent.children.set(copyOf(name), mine!);
      // Nothing is lost where nothing was there to lose, or where it was seen before it was replaced.
      else if (mine !== undefined && (late || remote === "delete")) {
        parent.children.set(name, mine);
      } else if (late) parent.children.delete(name);
      else if (mine !== undefined) return "made no copy of what was lost";
      if (parent.children.size === 0) parent.implicit = false;
      return undefined;
    });
  }

  /**
   * The folders on the way to `path` that are missing. Skips what would be two things under one name,
   * and files that are open here: they stay what they were opened as, or fail with ESTALE.
   */
  #checkRemote(path: string): string[] {
    const missing = this.#nodes.missingFolders(path);
    const node = this.#nodes.tryFind(path);
    if (node?.kind === "folder") throw new Skipped();
    if ([...this.#slots.values()].some((slot) => slot.node === node)) throw new Skipped();
    for (const [slot, held] of this.#held) if (held === node) this.#held.delete(slot);
    return missing;
  }

  #slot(slot: number): Slot {
    const open = this.#slots.get(slot);
    if (open === undefined) throw new Skipped();
    return open;
  }
}
