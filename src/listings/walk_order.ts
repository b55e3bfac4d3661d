/**
 * Tells from the order in which directories are read whether somebody goes through a tree: find, du,
 * grep -r, rsync and cp -r read a directory, then its first subdirectory with all below it, then the
 * next one. Steps are counted for each parent, so several walks may go on at once; who reads here and
 * there makes none.
 */
import type { Listing } from "./listing.ts";

/** Subdirectories that may be left out between two steps, at first and when a walk is certain. */
const SKIPPED_MAX = 1;
const SKIPPED_LATER_MAX = 16;
const CERTAIN_STEPS = 4;
/** So many steps are a walk; after a wrong guess so many times more. */
const WALK_STEPS = 2;
const WRONG_GUESS_FACTOR = 4;
/** Larger directories gain little by being read together with others: they have pages of their own. */
const NAMES_MAX = 250;
/** Parents larger than this are not followed: it would cost more than it brings. */
const SUBDIRECTORIES_MAX = 20_000;
/** Parents followed at a time. */
const PARENTS_MAX = 64;

interface Parent {
  /** Of its subdirectories, in the order of keys. */
  readonly names: readonly string[];
  /** Which of them was read last in order. */
  at: number;
  steps: number;
  misses: number;
  /** Steps that make a walk. */
  walkSteps: number;
}

export class WalkOrder {
  readonly #known: (prefix: string) => Listing | undefined;
  /** By prefix, the least recently used first. */
  readonly #parents = new Map<string, Parent>();

  /** `known` gives what is known of a directory. */
  constructor(known: (prefix: string) => Listing | undefined) {
    this.#known = known;
  }

  /** Notes that a directory is read. Returns whether it is the next step of a walk. */
  note(prefix: string): boolean {
    if (prefix === "") return false;
    const parentPrefix = parentOf(prefix);
    const parent = this.#follow(parentPrefix);
    if (parent === undefined) return false;
    const isStep = this.#step(parentPrefix, parent, nameOf(prefix));
    const stepsAbove = Math.min(1, this.#stepsAbove(parentPrefix));
    return isStep && parent.steps + stepsAbove >= parent.walkSteps;
  }

  /** The largest tree that the walk which has come to the directory may go through. */
  rootOf(prefix: string): string {
    let root = parentOf(prefix);
    while (root !== "" && this.#stepsAbove(root) >= WALK_STEPS) root = parentOf(root);
    return root;
  }

  /** What was taken for a walk that had come to the directory was none, or nothing was gained. */
  wasWrong(prefix: string): void {
    const parent = this.#parents.get(parentOf(prefix));
    if (parent === undefined) return;
    parent.steps = 0;
    parent.walkSteps *= WRONG_GUESS_FACTOR;
  }

  /** The walk that began with the directory was one. */
  wasRight(prefix: string): void {
    const parent = this.#parents.get(parentOf(prefix));
    if (parent !== undefined) parent.walkSteps = WALK_STEPS;
  }

  #follow(prefix: string): Parent | undefined {
    let parent = this.#parents.get(prefix);
    if (parent === undefined) {
      const listing = this.#known(prefix);
      if (listing === undefined || listing.size > SUBDIRECTORIES_MAX) return undefined;
      const names = listing.directories();
      parent = { names, at: -1, steps: 0, misses: 0, walkSteps: WALK_STEPS };
    }
    this.#parents.delete(prefix);
    this.#parents.set(prefix, parent);
    if (this.#parents.size > PARENTS_MAX) {
      const [oldest] = this.#parents.keys();
      this.#parents.delete(oldest!);
    }
    return parent;
  }

  #step(prefix: string, parent: Parent, name: string): boolean {
    if (parent.names[parent.at] === name) return parent.steps > 0;
    const skipped = parent.steps < CERTAIN_STEPS ? SKIPPED_MAX : SKIPPED_LATER_MAX;
    const next = parent.at + 1;
    const index = parent.names.slice(next, next + skipped + 1).indexOf(name);
    if (index < 0) {
      this.#miss(prefix, parent, name);
      return false;
    }
    const last = parent.names[parent.at];
    const lastSize = last === undefined ? 0 : this.#known(`${prefix}${last}/`)?.size ?? 0;
    parent.at = next + index;
    parent.steps = lastSize > NAMES_MAX ? 0 : parent.steps + 1;
    parent.misses = 0;
    return true;
  }

  #miss(prefix: string, parent: Parent, name: string): void {
    // Read anew from the start, perhaps with other contents; or not in order at all.
    if (parent.names.slice(0, SKIPPED_MAX + 1).includes(name)) {
      this.#parents.delete(prefix);
      this.#restart(prefix, parent, name);
    } else if (++parent.misses === 1 && parent.at < 0) {
      parent.at = parent.names.indexOf(name);
    }
  }

  #restart(prefix: string, before: Parent, name: string): void {
    const parent = this.#follow(prefix);
    if (parent === undefined) return;
    parent.walkSteps = before.walkSteps;
    parent.at = parent.names.indexOf(name);
    parent.steps = parent.at < 0 ? 0 : 1;
  }

  /** The steps that led to a directory, if it was the last one read in its parent. */
  #stepsAbove(prefix: string): number {
    if (prefix === "") return 0;
    const parent = this.#parents.get(parentOf(prefix));
    return parent?.names[parent.at] === nameOf(prefix) ? parent.steps : 0;
  }
}

/** The prefix of the directory that "a/b/" is in: "a/". */
export function parentOf(prefix: string): string {
  return prefix.slice(0, prefix.lastIndexOf("/", prefix.length - 2) + 1);
}

function nameOf(prefix: string): string {
  return prefix.slice(parentOf(prefix).length, -1);
}
