/** What a folder must hold after a series of operations: the reference of the random test. */

export type ModelNode = ModelFile | ModelFolder;

export interface ModelFile {
  readonly kind: "file";
  bytes: Uint8Array<ArrayBuffer>;
}

export interface ModelFolder {
  readonly kind: "folder";
  readonly children: Map<string, ModelNode>;
}

/** An error as `Deno.errors` names it; a mount must fail in the same way. */
export class ModelError extends Error {
  override readonly name = "ModelError";
  readonly code: string;

  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

/** Paths have no leading "/"; "" is the root. */
export class Model {
  readonly root: ModelFolder = { kind: "folder", children: new Map() };

  /** Every path with what is there, parents first. */
  *walk(folder: ModelFolder = this.root, prefix = ""): Generator<readonly [string, ModelNode]> {
    for (const [name, node] of folder.children) {
      yield [prefix + name, node];
      if (node.kind === "folder") yield* this.walk(node, `${prefix}${name}/`);
    }
  }

  find(path: string): ModelNode {
    let node: ModelNode = this.root;
    for (const name of path === "" ? [] : path.split("/")) {
      if (node.kind === "file") throw new ModelError("ENOTDIR");
      const child: ModelNode | undefined = node.children.get(name);
      if (child === undefined) throw new ModelError("ENOENT");
      node = child;
    }
    return node;
  }

  file(path: string): ModelFile {
    const node = this.find(path);
    if (node.kind === "folder") throw new ModelError("EISDIR");
    return node;
  }

  folder(path: string): ModelFolder {
    const node = this.find(path);
    if (node.kind === "file") throw new ModelError("ENOTDIR");
    return node;
  }

  create(path: string, bytes: Uint8Array<ArrayBuffer>): void {
    const { parent, name } = this.#parent(path);
    const node = parent.children.get(name);
    if (node?.kind === "folder") throw new ModelError("EISDIR");
    if (node === undefined) parent.children.set(name, { kind: "file", bytes });
    else node.bytes = bytes;
  }

  write(path: string, offset: number, bytes: Uint8Array<ArrayBuffer>): void {
    const file = this.file(path);
    if (bytes.length === 0) return;
    const grown = new Uint8Array(Math.max(file.bytes.length, offset + bytes.length));
    grown.set(file.bytes);
    grown.set(bytes, offset);
    file.bytes = grown;
  }

  truncate(path: string, size: number): void {
    const file = this.file(path);
    const cut = new Uint8Array(size);
    cut.set(file.bytes.subarray(0, size));
    file.bytes = cut;
  }

  mkdir(path: string): void {
    const { parent, name } = this.#parent(path);
    if (parent.children.has(name)) throw new ModelError("EEXIST");
    parent.children.set(name, { kind: "folder", children: new Map() });
  }

  /** Of a file, or of a folder that is empty. */
  remove(path: string): void {
    const { parent, name } = this.#parent(path);
    const node = this.find(path);
    if (node.kind === "folder" && node.children.size > 0) throw new ModelError("ENOTEMPTY");
    parent.children.delete(name);
  }

  rename(from: string, to: string): void {
    const source = this.#parent(from);
    const target = this.#parent(to);
    const node = this.find(from);
    if (from.startsWith(`${to}/`)) throw new ModelError("ENOTEMPTY");
    if (`${to}/`.startsWith(`${from}/`) && from !== to) throw new ModelError("EINVAL");
    const there = target.parent.children.get(target.name);
    if (there === node) return;
    if (there !== undefined) {
      if (there.kind === "folder" && node.kind === "file") throw new ModelError("EISDIR");
      if (there.kind === "file" && node.kind === "folder") throw new ModelError("ENOTDIR");
      if (there.kind === "folder" && there.children.size > 0) throw new ModelError("ENOTEMPTY");
    }
    source.parent.children.delete(source.name);
    target.parent.children.set(target.name, node);
  }

  #parent(path: string): { readonly parent: ModelFolder; readonly name: string } {
    const split = path.lastIndexOf("/");
    return { parent: this.folder(path.slice(0, Math.max(0, split))), name: path.slice(split + 1) };
  }
}
