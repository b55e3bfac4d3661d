/** The nodes of the reference tree, and what POSIX says about finding and placing them. */
import type { Outcome } from "./operation.ts";
import { FileBytes } from "./reference_bytes.ts";

interface Common {
  mode: number;
  /** Seconds, as utimens set them; undefined: some time. */
  mtime: number | undefined;
  xattrs: Map<string, Uint8Array<ArrayBuffer>>;
}

export interface FileNode extends Common {
  readonly kind: "file";
  readonly content: FileBytes;
  /** False once it has no name any more. */
  linked: boolean;
}

export interface LinkNode extends Common {
  readonly kind: "symlink";
  readonly target: string;
}

export interface FolderNode extends Common {
  readonly kind: "folder";
  readonly children: Map<string, TreeNode>;
  /** It is there by the keys below it alone, which another client put. */
  implicit: boolean;
}

export type TreeNode = FileNode | LinkNode | FolderNode;

/** The operation fails with this errno. */
export class Fails extends Error {
  readonly errno: string;

  constructor(errno: string) {
    super(errno);
    this.errno = errno;
  }
}

/** The operation would say nothing here, or too much: it is left out. */
export class Skipped extends Error {}

/** A result that has no single right value. What it was may teach the tree. */
export class Check {
  readonly check: (outcome: Outcome) => string | undefined;

  constructor(check: (outcome: Outcome) => string | undefined) {
    this.check = check;
  }
}

export const FILE_MODE = 0o644;
export const FOLDER_MODE = 0o755;

export class NodeTree {
  readonly root: FolderNode = folder();

  /** Every path with what is there, parents first. */
  *walk(
    folder: FolderNode = this.root,
    prefix = "",
  ): Generator<readonly [path: string, node: TreeNode]> {
    for (const [name, node] of folder.children) {
      yield [prefix + name, node];
      if (node.kind === "folder") yield* this.walk(node, `${prefix}${name}/`);
    }
  }

  /** Folders that were there by what was in them alone go with it. */
  prune(path: string): void {
    const parentPath = path.slice(0, Math.max(0, path.lastIndexOf("/")));
    const parent = this.find(parentPath);
    if (parent.kind !== "folder" || !parent.implicit || parent.children.size > 0) return;
    this.putQuietly(parentPath, undefined);
    this.prune(parentPath);
  }

  /** A change by another client: it makes no object for a folder. */
  putQuietly(path: string, node: TreeNode | undefined): void {
    const { parent, name } = this.parent(path);
    if (node === undefined) parent.children.delete(name);
    else parent.children.set(name, node);
    parent.mtime = undefined;
  }

  /** Puts a node where there is none. Throws EEXIST. */
  add(path: string, node: TreeNode): void {
    const { parent, name } = this.parent(path);
    if (name === "" || parent.children.has(name)) throw new Fails("EEXIST");
    this.put(parent, name, node);
  }

  /** A change from here: a folder that it leaves empty stays. */
  put(parent: FolderNode, name: string, node: TreeNode | undefined): void {
    if (node === undefined) parent.children.delete(name);
    else parent.children.set(name, node);
    parent.mtime = undefined;
    if (parent.children.size === 0) parent.implicit = false;
  }

  /** Undefined where `find` throws. */
  tryFind(path: string): TreeNode | undefined {
    let node: TreeNode | undefined = this.root;
    for (const name of names(path)) {
      node = node?.kind === "folder" ? node.children.get(name) : undefined;
    }
    return node;
  }

  /** The folders on the way to `path` that are not there. Skips when there is something else. */
  missingFolders(path: string): string[] {
    const missing: string[] = [];
    const names = path.split("/");
    for (let depth = 1; depth < names.length; depth++) {
      const above = names.slice(0, depth).join("/");
      const node = this.tryFind(above);
      if (node === undefined) missing.push(above);
      else if (node.kind !== "folder") throw new Skipped();
    }
    return missing;
  }

  /** What a path names, itself not followed. Throws ENOENT, ENOTDIR. */
  find(path: string): TreeNode {
    let node: TreeNode = this.root;
    for (const name of names(path)) {
      // All links point to nowhere.
      if (node.kind === "symlink") throw new Fails("ENOENT");
      if (node.kind === "file") throw new Fails("ENOTDIR");
      const child: TreeNode | undefined = node.children.get(name);
      if (child === undefined) throw new Fails("ENOENT");
      node = child;
    }
    return node;
  }

  /** Like `find`, but a link at the end is followed: all point to nowhere. */
  follow(path: string): FileNode | FolderNode {
    const node = this.find(path);
    if (node.kind === "symlink") throw new Fails("ENOENT");
    return node;
  }

  /** The folder of a path, and its last name. */
  parent(path: string): { readonly parent: FolderNode; readonly name: string } {
    const split = path.lastIndexOf("/");
    const parent = this.follow(path.slice(0, Math.max(0, split)));
    if (parent.kind !== "folder") throw new Fails("ENOTDIR");
    return { parent, name: path.slice(split + 1) };
  }
}

/** A new file as another client makes it too: nothing but bytes. */
export function file(bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0)): FileNode {
  return { kind: "file", content: new FileBytes(bytes), linked: true, ...common(FILE_MODE) };
}

export function folder(): FolderNode {
  return { kind: "folder", children: new Map(), implicit: false, ...common(FOLDER_MODE) };
}

export function common(mode: number): Common {
  return { mode, mtime: undefined, xattrs: new Map() };
}

function names(path: string): string[] {
  return path.split("/").filter((name) => name !== "");
}

export function unlink(node: TreeNode): void {
  if (node.kind === "file") node.linked = false;
}

/** Attributes need an object, which a folder then has. */
export function setExplicit(node: TreeNode): void {
  if (node.kind === "folder") node.implicit = false;
}

/** What stat tells. */
export function attributes(node: TreeNode): Record<string, string | number> {
  return {
    kind: node.kind,
    mode: node.mode,
    ...(node.kind === "file" ? { size: node.content.size } : {}),
    ...(node.kind === "symlink" ? { size: new TextEncoder().encode(node.target).length } : {}),
    ...(node.mtime === undefined ? {} : { mtime: node.mtime }),
  };
}
