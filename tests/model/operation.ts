/**
 * The operations of the model test, as plain data: a list of them is a test case that can be printed,
 * made smaller, and replayed. Paths have no leading "/"; "" is the root. A slot is a place for one open
 * file. Contents are named by a number, see `contentOf`.
 */

/** How a slot is opened: always with O_NOFOLLOW. */
export interface OpenHow {
  readonly access: "r" | "w" | "rw";
  readonly create?: boolean;
  readonly excl?: boolean;
  readonly trunc?: boolean;
  readonly append?: boolean;
}

/** Bytes that can be made again. */
export interface Content {
  readonly size: number;
  readonly fill: number;
}

export type Operation =
  | { readonly op: "open"; readonly slot: number; readonly path: string; readonly how: OpenHow }
  /** Looks a file up, and opens what was found at a later time: two calls of the kernel, between which much can happen. */
  | { readonly op: "hold"; readonly slot: number; readonly path: string }
  | { readonly op: "openHeld"; readonly slot: number }
  | { readonly op: "close" | "fsync" | "flush" | "fstat"; readonly slot: number }
  | ({ readonly op: "write"; readonly slot: number; readonly at: number } & Content)
  | {
    readonly op: "read";
    readonly slot: number;
    readonly at: number;
    readonly size: number;
  }
  | { readonly op: "ftruncate"; readonly slot: number; readonly size: number }
  | {
    readonly op: "fallocate";
    readonly slot: number;
    readonly mode: number;
    readonly at: number;
    readonly size: number;
  }
  | {
    readonly op: "copy";
    readonly slot: number;
    readonly at: number;
    readonly toSlot: number;
    readonly toAt: number;
    readonly size: number;
  }
  | {
    readonly op: "seek";
    readonly slot: number;
    readonly at: number;
    readonly whence: "data" | "hole";
  }
  | { readonly op: "truncate"; readonly path: string; readonly size: number }
  | {
    readonly op: "mkdir" | "stat" | "list" | "readlink" | "readAll";
    readonly path: string;
  }
  | { readonly op: "rmdir" | "unlink"; readonly path: string }
  | { readonly op: "symlink"; readonly path: string; readonly target: string }
  | {
    readonly op: "rename";
    readonly path: string;
    readonly to: string;
    readonly flags: RenameFlags;
  }
  | { readonly op: "chmod"; readonly path: string; readonly mode: number }
  | { readonly op: "utimes"; readonly path: string; readonly seconds: number }
  | ({
    readonly op: "setxattr";
    readonly path: string;
    readonly name: string;
    readonly flags: XattrFlags;
  } & Content)
  | { readonly op: "getxattr" | "removexattr"; readonly path: string; readonly name: string }
  | { readonly op: "listxattr"; readonly path: string }
  /** Another client puts or deletes an object when nothing is pending here, and time passes. */
  | ({ readonly op: "remotePut"; readonly path: string } & Content)
  | { readonly op: "remoteDelete"; readonly path: string }
  /** The same, but this mount changes the file before it can have noticed. */
  | {
    readonly op: "race";
    readonly path: string;
    readonly remote: Content | "delete";
    readonly local: Content | "unlink";
  }
  /** The kernel drops what it knows of files that are not open. */
  | { readonly op: "forget" }
  | { readonly op: "pass"; readonly ms: number }
  /** All slots are closed; the file system ends, with changes that S3 lacks, and starts again. */
  | { readonly op: "restart"; readonly how: "stop" | "kill" | "handOver" }
  /** All changes are uploaded; then the bucket must hold the tree, also for a client that starts now. */
  | { readonly op: "verify" };

/** Of renameat2(2): none, RENAME_NOREPLACE, RENAME_EXCHANGE. */
export type RenameFlags = 0 | 1 | 2;
/** Of setxattr(2): none, XATTR_CREATE, XATTR_REPLACE. */
export type XattrFlags = 0 | 1 | 2;

/** Modes of fallocate(2). */
export const KEEP_SIZE = 1;
export const PUNCH_HOLE = 2;
export const ZERO_RANGE = 16;

export type Value =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | readonly Value[]
  | { readonly [name: string]: Value };

/** What an operation did: its result, or the name of its errno. */
export type Outcome =
  | { readonly value: Value }
  | { readonly error: string; readonly message?: string };

/** What an operation has to do; objects are compared in the fields that are named here only. */
export type Expected = Outcome | { readonly check: (outcome: Outcome) => string | undefined };

/** The bytes that `content` names (xorshift32). */
export function contentOf({ size, fill }: Content): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(size / 4));
  let state = (fill ^ 0x9e3779b9) || 1;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  return new Uint8Array(words.buffer, 0, size);
}

/** What is wrong with `outcome`, if anything. */
export function difference(outcome: Outcome, expected: Expected): string | undefined {
  if ("check" in expected) return expected.check(outcome);
  if ("error" in expected) {
    return "error" in outcome && outcome.error === expected.error
      ? undefined
      : `is ${show(outcome)}, not ${expected.error}`;
  }
  if ("error" in outcome) return `is ${show(outcome)}, not ${show(expected)}`;
  return differs(outcome.value, expected.value, "it");
}

export function show(outcome: Outcome): string {
  if ("value" in outcome) return brief(outcome.value);
  return outcome.message === undefined ? outcome.error : `${outcome.error} (${outcome.message})`;
}

function brief(value: Value): string {
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  return JSON.stringify(value, (_, inner) => inner instanceof Uint8Array ? [...inner] : inner);
}

function differs(actual: Value, expected: Value, what: string): string | undefined {
  if (expected instanceof Uint8Array) {
    return actual instanceof Uint8Array
      ? bytesDiffer(actual, expected)
      : `${what} is ${brief(actual)}`;
  }
  if (typeof expected === "object" && expected !== null && !Array.isArray(expected)) {
    const fields = actual as { readonly [name: string]: Value };
    for (const [name, value] of Object.entries(expected)) {
      const wrong = differs(fields[name] ?? null, value, name);
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  }
  return brief(actual) === brief(expected)
    ? undefined
    : `${what} is ${brief(actual)}, not ${brief(expected)}`;
}

export function bytesDiffer(actual: Uint8Array, expected: Uint8Array): string | undefined {
  const length = Math.min(actual.length, expected.length);
  for (let at = 0; at < length; at++) {
    if (actual[at] === expected[at]) continue;
    let end = at;
    while (end < length && actual[end] !== expected[end]) end++;
    const zeros = actual.subarray(at, end).every((byte) => byte === 0) ? " (zeros)" : "";
    return `bytes ${at} to ${end}${zeros} are wrong, of ${actual.length} (${expected.length} expected)`;
  }
  return actual.length === expected.length
    ? undefined
    : `there are ${actual.length} bytes, not ${expected.length}`;
}
