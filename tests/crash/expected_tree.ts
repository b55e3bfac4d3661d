/**
 * What must be there after a crash: a tree to which the noted operations are applied. What was
 * acknowledged is certain. What was not may have happened or not; of writes to a file that were not
 * followed by an acknowledged fsync or close, any part may have happened.
 */
import { patternBytes } from "./pattern.ts";
import type { Note } from "./writer_log.ts";

/** A change of a file that no fsync or close has acknowledged yet. */
export type Step =
  & { /** Of the handle that it was made with. */ readonly handle: number }
  & (
    | {
      readonly kind: "write";
      readonly offset: number;
      readonly size: number;
      readonly tag: string;
    }
    | { readonly kind: "truncate"; readonly size: number }
    | { readonly kind: "mode"; readonly mode: number }
    | { readonly kind: "mtime"; readonly ns: string }
  );

export interface FileNode {
  readonly kind: "file";
  /** As acknowledged. */
  bytes: Uint8Array;
  /** As acknowledged; absent: whatever it is. */
  mode: number | undefined;
  /** In nanoseconds, decimal; absent: whatever it is. */
  mtime: string | undefined;
  /** In the order in which they were made. */
  pending: Step[];
  /** False while nothing has acknowledged that there is such a file. */
  certain: boolean;
}

export interface LinkNode {
  readonly kind: "link";
  readonly target: string;
}

export interface DirectoryNode {
  readonly kind: "directory";
  readonly children: Map<string, Node>;
}

export type Node = FileNode | LinkNode | DirectoryNode;

export function newDirectory(): DirectoryNode {
  return { kind: "directory", children: new Map() };
}

export function newFile(bytes: Uint8Array = new Uint8Array(0)): FileNode {
  return { kind: "file", bytes, mode: undefined, mtime: undefined, pending: [], certain: true };
}

/** All nodes below a directory with their paths. */
export function* walk(directory: DirectoryNode, prefix = ""): Generator<[string, Node]> {
  for (const [name, node] of directory.children) {
    yield [prefix + name, node];
    if (node.kind === "directory") yield* walk(node, `${prefix}${name}/`);
  }
}

/** Puts a node at a path whose directories exist, in the place of whatever is there. */
export function putNode(root: DirectoryNode, path: string, node: Node): void {
  const [directory, name] = parentOf(root, path);
  directory.children.set(name, node);
}

/**
 * The states that one writer's directory may have after a crash, given its state before and the notes:
 * one, or two when the last operation is one that happens wholly or not at all and was not acknowledged.
 * Changes `root`, which is the first of them.
 */
export function possibleStates(root: DirectoryNode, notes: readonly Note[]): DirectoryNode[] {
  const handles = new Map<number, FileNode>();
  const states = [root];
  for (const note of notes) {
    switch (note.op) {
      case "open":
        open(root, note, handles);
        break;
      case "write":
      case "truncate":
      case "mode":
      case "mtime":
        change(handleFile(handles, note.handle), note);
        break;
      case "fsync":
      case "close":
        if (note.acknowledged) settle(handleFile(handles, note.handle), note);
        break;
      default:
        if (note.acknowledged) {
          move(root, note);
        } else {
          const after = copyOf(root);
          move(after, note);
          states.push(after);
        }
    }
    if (!note.acknowledged) break;
  }
  return states;
}

type Kind<K extends Note["op"]> = Extract<Note, { readonly op: K }>;

function open(root: DirectoryNode, note: Kind<"open">, handles: Map<number, FileNode>): void {
  const [directory, name] = parentOf(root, note.path);
  let node = directory.children.get(name);
  if (node === undefined && note.create) {
    node = { ...newFile(), certain: false };
    directory.children.set(name, node);
  }
  if (node?.kind !== "file") throw new Error(`Cannot open ${note.path}: not a file of the model`);
  handles.set(note.handle, node);
  if (note.trunc) node.pending.push({ kind: "truncate", size: 0, handle: note.handle });
}

function change(file: FileNode, note: Kind<"write" | "truncate" | "mode" | "mtime">): void {
  const { handle } = note;
  switch (note.op) {
    case "write": {
      const { offset, tag } = note;
      file.pending.push({ kind: "write", offset, size: note.written ?? note.size, tag, handle });
      break;
    }
    case "truncate":
      file.pending.push({ kind: "truncate", size: note.size, handle });
      break;
    case "mode":
      file.pending.push({ kind: "mode", mode: note.mode, handle });
      break;
    case "mtime":
      file.pending.push({ kind: "mtime", ns: note.ns, handle });
  }
}

/** fsync is about the file, close about what was done with the handle, and what came before that. */
function settle(file: FileNode, note: Kind<"fsync" | "close">): void {
  file.certain = true;
  const last = note.op === "fsync"
    ? file.pending.length - 1
    : file.pending.findLastIndex(({ handle }) => handle === note.handle);
  for (const step of file.pending.splice(0, last + 1)) {
    switch (step.kind) {
      case "mode":
        file.mode = step.mode;
        break;
      case "mtime":
        file.mtime = step.ns;
        break;
      default:
        file.bytes = withStep(file.bytes, step);
        file.mtime = undefined;
    }
  }
}

function move(
  root: DirectoryNode,
  note: Kind<"rename" | "unlink" | "mkdir" | "rmdir" | "symlink">,
) {
  const [directory, name] = parentOf(root, note.path);
  switch (note.op) {
    case "rename": {
      const node = directory.children.get(name);
      if (node === undefined) throw new Error(`Cannot rename ${note.path}: not in the model`);
      if (node.kind === "file") node.certain = true;
      directory.children.delete(name);
      putNode(root, note.to, node);
      break;
    }
    case "unlink":
    case "rmdir":
      directory.children.delete(name);
      break;
    case "mkdir":
      directory.children.set(name, newDirectory());
      break;
    case "symlink":
      directory.children.set(name, { kind: "link", target: note.target });
  }
}

/** The bytes after a step; the given ones may be changed and returned. */
export function withStep(
  bytes: Uint8Array,
  step: Extract<Step, { readonly kind: "write" | "truncate" }>,
): Uint8Array {
  if (step.kind === "truncate") return resized(bytes, step.size);
  if (step.size === 0) return bytes;
  const end = step.offset + step.size;
  const result = end > bytes.length ? resized(bytes, end) : bytes;
  result.set(patternBytes(step.tag, step.offset, step.size), step.offset);
  return result;
}

function resized(bytes: Uint8Array, size: number): Uint8Array {
  if (size <= bytes.length) return bytes.subarray(0, size);
  const result = new Uint8Array(size);
  result.set(bytes);
  return result;
}

function parentOf(root: DirectoryNode, path: string): [DirectoryNode, string] {
  const names = path.split("/");
  const name = names.pop()!;
  let directory = root;
  for (const part of names) {
    const next = directory.children.get(part);
    if (next?.kind !== "directory") throw new Error(`Cannot find ${path}: no directory ${part}`);
    directory = next;
  }
  return [directory, name];
}

function handleFile(handles: ReadonlyMap<number, FileNode>, handle: number): FileNode {
  const file = handles.get(handle);
  if (file === undefined) throw new Error(`Cannot follow the notes: no handle ${handle} is open`);
  return file;
}

/** Shares the bytes, which are not changed any more when all notes are applied. */
function copyOf(directory: DirectoryNode): DirectoryNode {
  const copy = newDirectory();
  for (const [name, node] of directory.children) {
    copy.children.set(name, node.kind === "directory" ? copyOf(node) : { ...node });
  }
  return copy;
}
