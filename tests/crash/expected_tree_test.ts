import assert from "node:assert/strict";
import { differences, type Found, recognised } from "./compare.ts";
import { type DirectoryNode, newDirectory, possibleStates, walk } from "./expected_tree.ts";
import { patternBytes } from "./pattern.ts";
import { type Note, readWriterLog } from "./writer_log.ts";

/** A log line by line: an operation, and `true` after it when it was acknowledged. */
function notes(
  ...operations: readonly (readonly [Readonly<Record<string, unknown>>, boolean?])[]
): readonly Note[] {
  const lines = operations.flatMap(([operation, acknowledged], index) => [
    JSON.stringify({ n: index + 1, ...operation }),
    ...(acknowledged === true
      ? [JSON.stringify({ n: index + 1, ack: operation["written"] ?? operation["size"] ?? null })]
      : []),
  ]);
  return readWriterLog(lines.join("\n") + "\n").notes;
}

const open = (path: string, handle: number, more: Record<string, unknown> = {}) => ({
  op: "open",
  path,
  handle,
  create: true,
  trunc: false,
  ...more,
});
const write = (handle: number, offset: number, size: number, tag: string) => ({
  op: "write",
  handle,
  offset,
  size,
  tag,
});
const close = (handle: number) => ({ op: "close", handle });
const fsync = (handle: number) => ({ op: "fsync", handle });
const file = (...pieces: readonly Uint8Array[]): Found => ({
  kind: "file",
  bytes: new Uint8Array(pieces.flatMap((piece) => [...piece])),
});

/** A directory with the file "f": 100 bytes of the tag "old". */
function withOldFile(): DirectoryNode {
  const [state] = possibleStates(
    newDirectory(),
    notes([open("f", 1), true], [write(1, 0, 100, "old"), true], [close(1), true]),
  );
  return state!;
}

const OLD = patternBytes("old", 0, 100);

/** Which of the trees are recognised, in a word each. */
function judge(states: readonly DirectoryNode[], found: Record<string, Found>): boolean {
  return states.some((state) => differences(state, new Map(Object.entries(found))).length === 0);
}

Deno.test("A file that was closed must be there with all its bytes and nothing else", () => {
  const states = [withOldFile()];
  assert.ok(judge(states, { f: file(OLD) }));
  assert.ok(!judge(states, {}));
  assert.ok(!judge(states, { f: file(OLD.subarray(0, 99)) }));
  assert.ok(!judge(states, { f: file(OLD, new Uint8Array(1)) }));
  assert.ok(!judge(states, { f: file(OLD.subarray(0, 50), new Uint8Array(50)) }));
  assert.ok(!judge(states, { f: { kind: "directory" } }));
  assert.ok(!judge(states, { f: file(OLD), "f (conflict host)": file(OLD) }));
});

Deno.test("Of writes that nothing acknowledged, any part may be there, and nothing else", () => {
  const states = possibleStates(
    withOldFile(),
    notes(
      [open("f", 1), true],
      [write(1, 10, 20, "new"), true],
      [write(1, 95, 20, "end"), true],
    ),
  );
  const first = patternBytes("new", 10, 20);
  const second = patternBytes("end", 95, 20);
  const with1 = [OLD.subarray(0, 10), first, OLD.subarray(30)];
  assert.ok(judge(states, { f: file(OLD) }));
  assert.ok(
    judge(states, { f: file(OLD.subarray(0, 10), first.subarray(0, 7), OLD.subarray(17)) }),
  );
  assert.ok(judge(states, { f: file(...with1) }));
  const with2 = [OLD.subarray(0, 10), first, OLD.subarray(30, 95)];
  assert.ok(judge(states, { f: file(...with2, second.subarray(0, 9)) }));
  assert.ok(judge(states, { f: file(...with2, second) }));
  // The second without the first, the end of the first without its beginning.
  assert.ok(judge(states, { f: file(OLD.subarray(0, 95), second) }));
  assert.ok(judge(states, { f: file(OLD.subarray(0, 20), first.subarray(10), OLD.subarray(30)) }));
  // Zeros, and bytes of neither.
  assert.ok(!judge(states, { f: file(OLD.subarray(0, 20), new Uint8Array(10), OLD.subarray(30)) }));
  assert.ok(!judge(states, { f: file(...with2, new Uint8Array(20)) }));
  assert.ok(!judge(states, {}));
});

Deno.test("A truncation may have happened before its fsync and must have after it", () => {
  const open1 = [open("f", 1, { trunc: true }), true] as const;
  const before = possibleStates(withOldFile(), notes(open1));
  assert.ok(judge(before, { f: file(OLD) }));
  assert.ok(judge(before, { f: file() }));
  assert.ok(!judge(before, { f: file(OLD.subarray(0, 1)) }));
  const after = possibleStates(withOldFile(), notes(open1, [fsync(1), true]));
  assert.ok(!judge(after, { f: file(OLD) }));
  assert.ok(judge(after, { f: file() }));
});

Deno.test("What lies between the end of a file and a write beyond it is zeros", () => {
  const states = possibleStates(
    withOldFile(),
    notes([open("f", 1), true], [write(1, 110, 5, "far"), true]),
  );
  const far = patternBytes("far", 110, 5);
  assert.ok(judge(states, { f: file(OLD, new Uint8Array(10), far.subarray(0, 2)) }));
  assert.ok(!judge(states, { f: file(OLD, new Uint8Array(10)) }));
  assert.ok(!judge(states, { f: file(OLD, new Uint8Array(10).fill(1), far) }));
});

Deno.test("close acknowledges what was written through its handle, fsync all of the file", () => {
  const writes = [
    [open("f", 1), true],
    [open("f", 2, { trunc: true }), true],
    [write(2, 0, 10, "two"), true],
    [write(1, 10, 10, "one"), true],
  ] as const;
  const two = patternBytes("two", 0, 10);
  const one = patternBytes("one", 10, 10);
  const closed = possibleStates(
    withOldFile(),
    notes(...writes, [
      close(2),
      true,
    ]),
  );
  assert.ok(judge(closed, { f: file(two) }));
  assert.ok(judge(closed, { f: file(two, one) }));
  assert.ok(!judge(closed, { f: file(OLD) }));
  const synced = possibleStates(
    withOldFile(),
    notes(...writes, [
      fsync(2),
      true,
    ]),
  );
  assert.ok(!judge(synced, { f: file(two) }));
  assert.ok(judge(synced, { f: file(two, one) }));
});

Deno.test("A new file need not be there before a close, an fsync or a rename of it", () => {
  const made = [[open("g", 1), true], [write(1, 0, 3, "g"), true]] as const;
  const g = patternBytes("g", 0, 3);
  const states = possibleStates(newDirectory(), notes(...made));
  assert.ok(judge(states, {}));
  assert.ok(judge(states, { g: file() }));
  assert.ok(judge(states, { g: file(g) }));
  const moved = possibleStates(
    newDirectory(),
    notes(...made, [{ op: "rename", path: "g", to: "h" }, true]),
  );
  assert.ok(!judge(moved, {}));
  assert.ok(!judge(moved, { g: file(g) }));
  assert.ok(judge(moved, { h: file(g.subarray(0, 1)) }));
  const closed = possibleStates(
    newDirectory(),
    notes(...made, [close(1), true]),
  );
  assert.ok(!judge(closed, {}));
});

Deno.test("A rename that was not acknowledged happened wholly or not at all", () => {
  const before = notes(
    [{ op: "mkdir", path: "d" }, true],
    [{ op: "symlink", path: "d/l", target: "t" }, true],
    [open("d/g", 1), true],
    [close(1), true],
    [{ op: "rename", path: "d", to: "e" }],
  );
  const states = possibleStates(withOldFile(), before);
  const d: Found = { kind: "directory" };
  const l: Found = { kind: "link", target: "t" };
  const f = file(OLD);
  assert.ok(judge(states, { f, d, "d/l": l, "d/g": file() }));
  assert.ok(judge(states, { f, e: d, "e/l": l, "e/g": file() }));
  assert.ok(!judge(states, { f, d, "d/l": l, e: d, "e/g": file() }));
  assert.ok(!judge(states, { f, d, "d/g": file() }));
  assert.ok(!judge(states, { f, d, "d/l": { kind: "link", target: "x" }, "d/g": file() }));

  const over = possibleStates(
    withOldFile(),
    notes([open("g", 1), true], [close(1), true], [{ op: "rename", path: "g", to: "f" }]),
  );
  assert.ok(judge(over, { f: file(OLD), g: file() }));
  assert.ok(judge(over, { f: file() }));
  assert.ok(!judge(over, { f: file(OLD) }));
  assert.ok(!judge(over, { f: file(), g: file() }));
});

Deno.test("What was removed stays away, also when it is open and written to", () => {
  const states = possibleStates(
    withOldFile(),
    notes(
      [open("f", 1), true],
      [write(1, 0, 5, "new"), true],
      [{ op: "unlink", path: "f" }, true],
      [write(1, 5, 5, "new"), true],
      [close(1), true],
    ),
  );
  assert.ok(judge(states, {}));
  assert.ok(!judge(states, { f: file(OLD) }));
  const maybe = possibleStates(withOldFile(), notes([{ op: "unlink", path: "f" }]));
  assert.ok(judge(maybe, {}));
  assert.ok(judge(maybe, { f: file(OLD) }));
});

Deno.test("Mode and time that a close acknowledged stay until they are changed", () => {
  const set = notes(
    [open("f", 1), true],
    [{ op: "mode", handle: 1, mode: 0o600 }, true],
    [{ op: "mtime", handle: 1, ns: "123" }, true],
    [close(1), true],
    [open("f", 2), true],
    [{ op: "mode", handle: 2, mode: 0o640 }, true],
  );
  const f = (mode: number, mtime: string): Found => ({ kind: "file", bytes: OLD, mode, mtime });
  const states = possibleStates(withOldFile(), set);
  assert.ok(judge(states, { f: f(0o600, "123") }));
  assert.ok(judge(states, { f: f(0o640, "123") }));
  assert.ok(!judge(states, { f: f(0o644, "123") }));
  assert.ok(!judge(states, { f: f(0o600, "124") }));
  assert.ok(!judge(states, { f: file(OLD) }));
});

Deno.test("What was found is what must be there from then on", () => {
  const states = possibleStates(
    withOldFile(),
    notes([open("f", 1), true], [write(1, 100, 10, "new"), true]),
  );
  const found = new Map([["f", file(OLD, patternBytes("new", 100, 4))]]);
  const now = recognised(states, found);
  assert.deepEqual([...walk(now)].map(([path]) => path), ["f"]);
  assert.deepEqual(differences(now, found), []);
  assert.equal(differences(now, new Map([["f", file(OLD)]])).length, 1);
  assert.throws(() => recognised(states, new Map()), /f: is not there/);
});

Deno.test("A short write counts as far as it was answered", () => {
  const log = readWriterLog(
    [
      '{"n":1,"op":"open","path":"f","handle":1,"create":true,"trunc":false}',
      '{"n":1,"ack":null}',
      '{"n":2,"op":"write","handle":1,"offset":0,"size":10,"tag":"x"}',
      '{"n":2,"ack":4}',
      '{"n":3,"op":"close","handle":1}',
      '{"n":3,"ack":null}',
      '{"n":4,"op":"unlink","path":"f"}',
      '{"n":4,"failed":"ENOTCONN"}',
      '{"n":5,"op":"unl',
    ].join("\n"),
  );
  assert.equal(log.failed, "ENOTCONN");
  const states = possibleStates(newDirectory(), log.notes);
  assert.equal(states.length, 2);
  assert.ok(judge(states.slice(0, 1), { f: file(patternBytes("x", 0, 4)) }));
});
