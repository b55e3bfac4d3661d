/** Compares what is there after a crash with what may be there. */
import { Buffer } from "node:buffer";
import {
  type DirectoryNode,
  type FileNode,
  newDirectory,
  newFile,
  type Node,
  putNode,
  type Step,
  walk,
} from "./expected_tree.ts";
import { excerpt, patternBytes } from "./pattern.ts";

/** One name as it was found. */
export type Found =
  | { readonly kind: "directory" }
  | { readonly kind: "link"; readonly target: string }
  | {
    readonly kind: "file";
    readonly bytes: Uint8Array;
    /** Permission bits, when they are told. */
    readonly mode?: number;
    /** In nanoseconds, decimal, when it is told. */
    readonly mtime?: string;
  };

/** By path. */
export type FoundTree = ReadonlyMap<string, Found>;

export interface Deviation {
  readonly path: string;
  readonly what: string;
}

export class DeviationError extends Error {
  override readonly name = "DeviationError";
  readonly paths: readonly string[];

  constructor(message: string, deviations: readonly Deviation[]) {
    super(`${message}:\n${list(deviations)}`);
    this.paths = deviations.map(({ path }) => path);
  }
}

function list(deviations: readonly Deviation[]): string {
  return deviations.map(({ path, what }) => `  ${path}: ${what}`).join("\n");
}

/** How `found` deviates from a state; empty when it does not. */
export function differences(state: DirectoryNode, found: FoundTree): Deviation[] {
  const result: Deviation[] = [];
  const expected = new Map(walk(state));
  for (const [path, node] of expected) {
    const one = found.get(path);
    const what = one !== undefined
      ? nodeDifference(node, one)
      : node.kind !== "file" || node.certain
      ? `is not there (a ${node.kind})`
      : undefined;
    if (what !== undefined) result.push({ path, what });
  }
  for (const [path, { kind }] of found) {
    if (!expected.has(path)) result.push({ path, what: `must not be there (a ${kind})` });
  }
  return result;
}

/**
 * The state among `states` that `found` is, made certain: what it was found to be is from now on what it
 * must be. Throws `DeviationError` when it is none of them.
 */
export function recognised(states: readonly DirectoryNode[], found: FoundTree): DirectoryNode {
  const all = states.map((state) => differences(state, found));
  const match = states[all.findIndex((list) => list.length === 0)];
  if (match !== undefined) return asFound(match, found);
  const [first = [], second = []] = all;
  const instead = second.length === 0
    ? ""
    : ` (or, if the last operation happened:\n${list(second)}\n)`;
  throw new DeviationError(`What was acknowledged is not what is there${instead}`, first);
}

function asFound(state: DirectoryNode, found: FoundTree): DirectoryNode {
  const root = newDirectory();
  const known = new Map(walk(state));
  for (const [path, one] of [...found].sort(([a], [b]) => a < b ? -1 : 1)) {
    putNode(root, path, one.kind === "file" ? fileAsFound(one, known.get(path)) : toNode(one));
  }
  return root;
}

function toNode(one: Exclude<Found, { kind: "file" }>): Node {
  return one.kind === "link" ? { ...one } : newDirectory();
}

function fileAsFound(one: Extract<Found, { kind: "file" }>, node: Node | undefined): FileNode {
  const file = newFile(one.bytes);
  if (node?.kind !== "file") return file;
  // One of several possible ones is not acknowledged by being there.
  if (allowedModes(node)?.length === 1) file.mode = one.mode;
  if (allowedTimes(node)?.length === 1) file.mtime = one.mtime;
  return file;
}

function nodeDifference(node: Node, found: Found): string | undefined {
  if (node.kind !== found.kind) return `is a ${found.kind}, not a ${node.kind}`;
  if (node.kind === "link" && found.kind === "link" && node.target !== found.target) {
    return `points to ${found.target}, not to ${node.target}`;
  }
  if (node.kind !== "file" || found.kind !== "file") return undefined;
  const modes = allowedModes(node);
  if (modes !== undefined && !modes.includes(found.mode)) {
    return `has the mode ${found.mode?.toString(8)}, not ${
      modes.map((mode) => mode?.toString(8)).join(" or ")
    }`;
  }
  const times = allowedTimes(node);
  if (times !== undefined && !times.includes(found.mtime)) {
    return `has the mtime ${found.mtime}, not ${times.join(" or ")}`;
  }
  return contentDifference(node, found.bytes);
}

/** Undefined: any. */
function allowedModes(node: FileNode): (number | undefined)[] | undefined {
  if (node.mode === undefined) return undefined;
  return [node.mode, ...node.pending.flatMap((step) => step.kind === "mode" ? [step.mode] : [])];
}

/** Undefined: any, as the content may have been changed after it was set. */
function allowedTimes(node: FileNode): (string | undefined)[] | undefined {
  const { mtime, pending } = node;
  if (mtime === undefined) return undefined;
  if (pending.some(({ kind }) => kind === "write" || kind === "truncate")) return undefined;
  return [mtime, ...pending.flatMap((step) => step.kind === "mtime" ? [step.ns] : [])];
}

/**
 * Each byte must be the acknowledged one, or one that a step which nothing has acknowledged yet put
 * there; POSIX promises no order among those. Nothing else may be there, and no other size.
 */
export function contentDifference(node: FileNode, actual: Uint8Array): string | undefined {
  if (same(node.bytes, actual)) return undefined;
  const steps = node.pending.filter((step) => step.kind === "write" || step.kind === "truncate");
  if (!isSizePossible(node.bytes.length, steps, actual.length)) {
    return describe(node, actual, steps.length);
  }
  const cut = Math.min(
    node.bytes.length,
    ...steps.map((step) => step.kind === "truncate" ? step.size : Infinity),
  );
  const open = new Uint8Array(actual.length).fill(1);
  const settle = (offset: number, candidate: Uint8Array) => {
    for (let at = 0; at < candidate.length && offset + at < actual.length; at++) {
      if (actual[offset + at] === candidate[at]) open[offset + at] = 0;
    }
  };
  settle(0, node.bytes);
  // Where a step has cut the file, or nothing was ever acknowledged, a hole may be.
  settle(cut, new Uint8Array(Math.max(0, actual.length - cut)));
  for (const step of steps) {
    if (step.kind === "write") settle(step.offset, patternBytes(step.tag, step.offset, step.size));
  }
  return open.includes(1) ? describe(node, actual, steps.length) : undefined;
}

/** The acknowledged size, that of a truncation, or one to which a write, perhaps in part, extends. */
function isSizePossible(
  acknowledged: number,
  steps: readonly Extract<Step, { readonly kind: "write" | "truncate" }>[],
  actual: number,
): boolean {
  return actual === acknowledged ||
    steps.some((step) =>
      step.kind === "truncate"
        ? actual === step.size
        : actual > step.offset && actual <= step.offset + step.size
    );
}

function same(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}

function describe(node: FileNode, actual: Uint8Array, steps: number): string {
  const { bytes } = node;
  let at = 0;
  while (at < bytes.length && bytes[at] === actual[at]) at++;
  const more = steps === 0 ? "" : `, and not with a part of ${steps} unacknowledged changes either`;
  return `has ${actual.length} bytes; of the ${bytes.length} acknowledged ones byte ${at} is the ` +
    `first that is not there: it was ${excerpt(bytes, at)}, is ${excerpt(actual, at)}${more}`;
}
