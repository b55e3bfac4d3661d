/** Random operations, chosen so that they meet: few names, few slots, sizes around the edges. */
import type { SeededRandom } from "../support/seeded_random.ts";
import {
  type Content,
  KEEP_SIZE,
  type OpenHow,
  type Operation,
  PUNCH_HOLE,
  ZERO_RANGE,
} from "./operation.ts";
import type { TreeNode } from "./reference_nodes.ts";
import type { ReferenceTree } from "./reference_tree.ts";

export interface Habits {
  /** How often time has to pass for other clients' changes to be seen; 1 is often. */
  readonly remoteShare: number;
  readonly restartShare: number;
  /** Default: in order, and killed. */
  readonly restarts?: readonly ("stop" | "kill" | "handOver")[];
  readonly verifyShare: number;
}

/** Some that S3, XML and URLs could trip over. */
const NAMES = ["a", "b", "c", "d", "A", "a b", "ä+%&", "x.txt", "d.d"];
const DEPTH_MAX = 3;
const SLOTS = 3;
const FILE_BYTES_MAX = 300_000;
/** At the edges of pages, of requests, and of this program's blocks. */
const EDGES = [0, 1, 4095, 4096, 4097, 65_536, 131_072, 131_073, 262_143, 262_144];
const XATTRS = ["user.a", "user.b", "user.ä"];

type Make = (pick: Picker) => Operation;
type Weights = readonly (readonly [weight: number, make: Make])[];

class Picker {
  readonly random: SeededRandom;
  readonly #tree: ReferenceTree;

  constructor(random: SeededRandom, tree: ReferenceTree) {
    this.random = random;
    this.#tree = tree;
  }

  chance(share: number): boolean {
    return this.random.next() < share;
  }

  /** Mostly a path that exists, else one that may. */
  path(kind?: TreeNode["kind"]): string {
    const paths = [...this.#tree.walk()].filter(([, node]) => !kind || node.kind === kind);
    if (paths.length > 0 && this.chance(0.9)) return this.random.pick(paths)[0];
    const depth = this.random.below(DEPTH_MAX) + 1;
    return Array.from({ length: depth }, () => this.random.pick(NAMES)).join("/");
  }

  /** A path that may be free, in a folder that mostly exists. */
  newPath(): string {
    const folders = [...this.#tree.walk()].filter(([path, { kind }]) =>
      kind === "folder" && path.split("/").length < DEPTH_MAX
    );
    const parent = folders.length > 0 && this.chance(0.6) ? `${this.random.pick(folders)[0]}/` : "";
    return parent + this.random.pick(NAMES);
  }

  slot(): number {
    const open = this.#tree.openSlots;
    return open.length > 0 && this.chance(0.95) ? this.random.pick(open) : this.random.below(SLOTS);
  }

  /** Mostly inside the file or near its end. */
  offset(slot: number): number {
    const size = this.#tree.sizeOf(slot);
    const kind = this.random.next();
    if (kind < 0.2) return this.random.pick(EDGES);
    if (kind < 0.4) return size;
    if (kind < 0.9) return this.random.below(size + 1);
    return this.random.below(FILE_BYTES_MAX);
  }

  size(): number {
    const kind = this.random.next();
    if (kind < 0.25) return this.random.pick(EDGES);
    return this.random.below(kind < 0.95 ? 10_000 : FILE_BYTES_MAX);
  }

  content(size: number = this.size()): Content {
    return { size, fill: this.random.below(2 ** 31) };
  }

  how(): OpenHow {
    const access = this.random.pick(["r", "w", "rw", "rw", "rw"] as const);
    return {
      access,
      ...(this.chance(0.6) ? { create: true } : {}),
      ...(this.chance(0.05) ? { excl: true } : {}),
      ...(access !== "r" && this.chance(0.15) ? { trunc: true } : {}),
      ...(access !== "r" && this.chance(0.15) ? { append: true } : {}),
    };
  }
}

const WEIGHTS: Weights = [
  [14, (pick) => {
    const slot = pick.random.below(SLOTS);
    const path = pick.chance(0.6) ? pick.path("file") : pick.newPath();
    return { op: "open", slot, path, how: pick.how() };
  }],
  [3, (pick) => ({ op: "hold", slot: pick.random.below(SLOTS), path: pick.path("file") })],
  [3, (pick) => ({ op: "openHeld", slot: pick.random.below(SLOTS) })],
  [8, (pick) => ({ op: "close", slot: pick.slot() })],
  [3, (pick) => ({ op: "fsync", slot: pick.slot() })],
  [2, (pick) => ({ op: "flush", slot: pick.slot() })],
  [4, (pick) => ({ op: "fstat", slot: pick.slot() })],
  [16, (pick) => {
    const slot = pick.slot();
    const { size, fill } = pick.content();
    return { op: "write", slot, at: pick.offset(slot), size: Math.max(1, size), fill };
  }],
  [12, (pick) => {
    const slot = pick.slot();
    return { op: "read", slot, at: pick.offset(slot), size: pick.size() };
  }],
  [5, (pick) => {
    const slot = pick.slot();
    return { op: "ftruncate", slot, size: pick.offset(slot) };
  }],
  [6, (pick) => {
    const slot = pick.slot();
    const mode = pick.random.pick([
      ...[0, KEEP_SIZE, PUNCH_HOLE | KEEP_SIZE, ZERO_RANGE, ZERO_RANGE | KEEP_SIZE],
    ]);
    return { op: "fallocate", slot, mode, at: pick.offset(slot), size: Math.max(1, pick.size()) };
  }],
  [6, (pick) => {
    const [slot, toSlot] = [pick.slot(), pick.slot()];
    // Whole files too: those can be copied by the server.
    const whole = pick.chance(0.4);
    const [at, toAt] = whole ? [0, 0] : [pick.offset(slot), pick.offset(toSlot)];
    return { op: "copy", slot, at, toSlot, toAt, size: whole ? FILE_BYTES_MAX : pick.size() };
  }],
  [4, (pick) => {
    const slot = pick.slot();
    const whence = pick.random.pick(["data", "hole"] as const);
    return { op: "seek", slot, at: pick.offset(slot), whence };
  }],
  [5, (pick) => ({ op: "truncate", path: pick.path("file"), size: pick.size() })],
  [6, (pick) => ({ op: "mkdir", path: pick.newPath() })],
  [3, (pick) => ({ op: "rmdir", path: pick.path("folder") })],
  [6, (pick) => ({ op: "unlink", path: pick.path() })],
  [6, (pick) => ({ op: "stat", path: pick.path() })],
  [5, (pick) => ({ op: "list", path: pick.chance(0.3) ? "" : pick.path("folder") })],
  [4, (pick) => ({ op: "readAll", path: pick.path("file") })],
  [2, (pick) => ({ op: "readlink", path: pick.path("symlink") })],
  [3, (pick) => {
    const target = pick.random.pick(["nowhere", "../nowhere/é", "/nowhere/at all"]);
    return { op: "symlink", path: pick.newPath(), target };
  }],
  [12, (pick) => {
    const path = pick.path(pick.chance(0.3) ? "folder" : undefined);
    const to = pick.chance(0.4) ? pick.path() : pick.newPath();
    return { op: "rename", path, to, flags: pick.chance(0.1) ? 1 : 0 };
  }],
  [4, (pick) => ({ op: "rename", path: pick.path(), to: pick.path(), flags: 2 })],
  [
    4,
    (pick) => ({ op: "chmod", path: pick.path(), mode: pick.random.pick([0o600, 0o644, 0o755]) }),
  ],
  [4, (pick) => ({ op: "utimes", path: pick.path(), seconds: pick.random.below(2_000_000_000) })],
  [5, (pick) => {
    const flags = pick.random.pick([0, 0, 0, 1, 2] as const);
    const name = pick.random.pick(XATTRS);
    return {
      op: "setxattr",
      path: pick.path(),
      name,
      flags,
      ...pick.content(pick.random.below(60)),
    };
  }],
  [2, (pick) => ({ op: "getxattr", path: pick.path(), name: pick.random.pick(XATTRS) })],
  [2, (pick) => ({ op: "listxattr", path: pick.path() })],
  [
    2,
    (pick) => ({ op: "removexattr", path: pick.path(), name: pick.random.pick(XATTRS) }),
  ],
  [3, () => ({ op: "forget" })],
  [5, (pick) => ({ op: "pass", ms: pick.random.pick([10, 300, 1100, 3000]) })],
];

const REMOTE: Weights = [
  [3, (pick) => {
    const path = pick.chance(0.5) ? pick.path("file") : pick.newPath();
    return { op: "remotePut", path, ...remoteContent(pick) };
  }],
  [1, (pick) => {
    const path = `${pick.newPath()}/${pick.random.pick(NAMES)}`;
    return { op: "remotePut", path, ...remoteContent(pick) };
  }],
  [2, (pick) => ({ op: "remoteDelete", path: pick.path("file") })],
  [3, (pick) => ({
    op: "race",
    path: pick.chance(0.7) ? pick.path("file") : pick.newPath(),
    remote: pick.chance(0.8) ? remoteContent(pick) : "delete",
    local: pick.chance(0.8) ? remoteContent(pick) : "unlink",
  })],
];

/** Large enough that no two are the same. */
function remoteContent(pick: Picker): Content {
  return pick.content(20 + pick.size());
}

/** The next operation, for a tree as it is now. */
export function generate(random: SeededRandom, tree: ReferenceTree, habits: Habits): Operation {
  const pick = new Picker(random, tree);
  if (pick.chance(habits.verifyShare)) return { op: "verify" };
  if (pick.chance(habits.restartShare)) {
    return { op: "restart", how: pick.random.pick(habits.restarts ?? ["stop", "kill"]) };
  }
  const weights = pick.chance(habits.remoteShare) ? REMOTE : WEIGHTS;
  let at = random.below(weights.reduce((sum, [weight]) => sum + weight, 0));
  for (const [weight, make] of weights) {
    if (at < weight) return make(pick);
    at -= weight;
  }
  throw new Error("The weights do not add up");
}
