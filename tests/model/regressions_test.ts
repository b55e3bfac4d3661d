/** The smallest lists of operations that once went wrong, each with what it shows. */
import assert from "node:assert/strict";
import { DirectSubject } from "./direct_subject.ts";
import type { Operation } from "./operation.ts";
import { replay } from "./run_model.ts";

const REGRESSIONS: Readonly<Record<string, readonly Operation[]>> = {
  "a removed file that is open and changed in part has its other bytes still": [
    { op: "remotePut", path: "a", size: 30, fill: 1 },
    { op: "open", slot: 1, path: "a", how: { access: "rw" } },
    { op: "write", slot: 1, at: 0, size: 1, fill: 2 },
    { op: "unlink", path: "a" },
    { op: "read", slot: 1, at: 0, size: 30 },
  ],
  "a file that was truncated to the size it has is seen going away": [
    { op: "open", slot: 0, path: "a", how: { access: "rw", create: true } },
    { op: "close", slot: 0 },
    { op: "truncate", path: "a", size: 4096 },
    { op: "truncate", path: "a", size: 4096 },
    { op: "remoteDelete", path: "a" },
    { op: "list", path: "" },
  ],
  "a folder without an object stays when its last file is removed, after another client removed one":
    [
      { op: "remotePut", path: "a/b/c", size: 20, fill: 1 },
      { op: "open", slot: 1, path: "a/b/d", how: { access: "w", create: true } },
      { op: "open", slot: 1, path: "a/b/c", how: { access: "rw" } },
      { op: "write", slot: 1, at: 0, size: 1, fill: 0 },
      { op: "remoteDelete", path: "a/b/d" },
      { op: "unlink", path: "a/b/c" },
    ],
  "an object that a new file replaced by rename does not come back when that is removed": [
    { op: "remotePut", path: "b", size: 20, fill: 1 },
    { op: "open", slot: 2, path: "a", how: { access: "rw", create: true } },
    { op: "rename", path: "a", to: "b", flags: 0 },
    { op: "unlink", path: "b" },
  ],
  "an object that a new file replaced by rename does not come back when that is renamed": [
    { op: "symlink", path: "a", target: "../nowhere/é" },
    { op: "open", slot: 0, path: "c", how: { access: "r", create: true } },
    { op: "rename", path: "c", to: "a", flags: 0 },
    { op: "rename", path: "a", to: "A", flags: 0 },
  ],
  "an empty folder renamed over an empty folder is in the bucket": [
    { op: "mkdir", path: "c" },
    { op: "mkdir", path: "x" },
    { op: "verify" },
    { op: "rename", path: "c", to: "x", flags: 0 },
  ],
  "a folder renamed to where another one has been is in the bucket": [
    { op: "remotePut", path: "d/x/A", size: 20, fill: 1 },
    { op: "mkdir", path: "c" },
    { op: "remotePut", path: "d/b/d", size: 20, fill: 1 },
    { op: "rename", path: "d/x", to: "A", flags: 0 },
    { op: "rename", path: "c", to: "d/x", flags: 0 },
  ],
  "a folder renamed to where one was removed is in the bucket": [
    { op: "mkdir", path: "d" },
    { op: "mkdir", path: "d/b" },
    { op: "mkdir", path: "d/x" },
    { op: "verify" },
    { op: "rename", path: "d/x", to: "c", flags: 0 },
    { op: "rmdir", path: "c" },
    { op: "rename", path: "d/b", to: "c", flags: 0 },
  ],
  "a new folder is empty where another one has been": [
    { op: "remotePut", path: "d/x/A", size: 20, fill: 1 },
    { op: "mkdir", path: "x" },
    { op: "rename", path: "d", to: "x/b", flags: 0 },
    { op: "mkdir", path: "d" },
    { op: "list", path: "d" },
  ],
  "a folder that holds only a new file is renamed with it": [
    { op: "remotePut", path: "a/x", size: 20, fill: 1 },
    { op: "open", slot: 2, path: "a/d", how: { access: "rw", create: true } },
    { op: "mkdir", path: "c" },
    { op: "unlink", path: "a/x" },
    { op: "rename", path: "a", to: "c/A", flags: 0 },
    { op: "mkdir", path: "d.d" },
    { op: "rename", path: "d.d", to: "c/A/e", flags: 0 },
  ],
  "a folder that holds only a changed file is renamed twice": [
    { op: "remotePut", path: "A/x/d", size: 20, fill: 1 },
    { op: "open", slot: 2, path: "A/x/d", how: { access: "rw" } },
    { op: "rename", path: "A/x", to: "c", flags: 0 },
    { op: "mkdir", path: "a" },
    { op: "write", slot: 2, at: 0, size: 1, fill: 0 },
    { op: "rename", path: "c", to: "a/c", flags: 0 },
    { op: "list", path: "a/c" },
  ],
  "a renamed folder stays away from its old name after a restart": [
    { op: "remotePut", path: "a/x", size: 20, fill: 1 },
    { op: "utimes", path: "a/x", seconds: 0 },
    { op: "rename", path: "a", to: "b", flags: 0 },
    { op: "restart", how: "stop" },
    { op: "open", slot: 2, path: "a", how: { access: "rw" } },
  ],
  "exchanged files keep their own attributes": [
    { op: "open", slot: 0, path: "d", how: { access: "rw", create: true } },
    { op: "write", slot: 0, at: 0, size: 1, fill: 0 },
    { op: "close", slot: 0 },
    { op: "remotePut", path: "a", size: 20, fill: 1 },
    { op: "rename", path: "d", to: "a", flags: 2 },
    { op: "setxattr", path: "a", name: "user.ä", flags: 0, size: 5, fill: 0 },
  ],
  "a link and a file that are exchanged stay what they are": [
    { op: "symlink", path: "a", target: "nowhere" },
    { op: "open", slot: 1, path: "b", how: { access: "r", create: true } },
    { op: "close", slot: 1 },
    { op: "verify" },
    { op: "rename", path: "a", to: "b", flags: 2 },
  ],
  "a link that was renamed and a new file are exchanged": [
    { op: "remotePut", path: "c/d", size: 20, fill: 1 },
    { op: "symlink", path: "d", target: "../nowhere/é" },
    { op: "rename", path: "d", to: "c/e", flags: 0 },
    { op: "open", slot: 1, path: "e", how: { access: "r", create: true } },
    { op: "verify" },
    { op: "rename", path: "c/e", to: "e", flags: 2 },
  ],
  "exchanged folders are both in the bucket, with and without an object of their own": [
    { op: "remotePut", path: "d/A", size: 20, fill: 1 },
    { op: "mkdir", path: "a" },
    { op: "remotePut", path: "a/A/c", size: 20, fill: 1 },
    { op: "rename", path: "a", to: "d", flags: 2 },
  ],
  "an empty folder renamed to where a folder was exchanged away is in the bucket": [
    { op: "mkdir", path: "x" },
    { op: "mkdir", path: "b" },
    { op: "open", slot: 0, path: "A", how: { access: "rw", create: true } },
    { op: "remotePut", path: "e/b/c", size: 20, fill: 1 },
    { op: "rename", path: "e", to: "A", flags: 2 },
    { op: "rename", path: "A/b/c", to: "x", flags: 2 },
    { op: "rename", path: "b", to: "A/b/c", flags: 0 },
  ],
  "bytes that were cut off do not come back when the file grows again": [
    { op: "open", slot: 0, path: "d", how: { access: "rw", create: true } },
    { op: "open", slot: 1, path: "d", how: { access: "rw" } },
    { op: "write", slot: 0, at: 0, size: 3, fill: 0 },
    { op: "close", slot: 0 },
    { op: "truncate", path: "d", size: 1 },
    { op: "write", slot: 1, at: 3, size: 1, fill: 0 },
  ],
  "bytes that were cut off do not come back when space is allocated behind them": [
    { op: "open", slot: 1, path: "d", how: { access: "w", create: true } },
    { op: "open", slot: 2, path: "d", how: { access: "rw" } },
    { op: "write", slot: 2, at: 0, size: 2, fill: 0 },
    { op: "rename", path: "d", to: "A", flags: 0 },
    { op: "truncate", path: "A", size: 1 },
    { op: "fallocate", slot: 1, mode: 16, at: 0, size: 2 },
  ],
  "a file that is removed between the kernel's lookup and its open is opened whole or not at all": [
    { op: "open", slot: 0, path: "d", how: { access: "rw", create: true } },
    { op: "write", slot: 0, at: 0, size: 9, fill: 1 },
    { op: "close", slot: 0 },
    { op: "hold", slot: 2, path: "d" },
    { op: "unlink", path: "d" },
    { op: "openHeld", slot: 2 },
    { op: "fstat", slot: 2 },
    { op: "read", slot: 2, at: 0, size: 9 },
  ],
  "a file that is replaced between the kernel's lookup and its open is opened whole or not at all":
    [
      { op: "remotePut", path: "d", size: 30, fill: 1 },
      { op: "open", slot: 0, path: "a", how: { access: "rw", create: true } },
      { op: "close", slot: 0 },
      { op: "hold", slot: 1, path: "d" },
      { op: "rename", path: "a", to: "d", flags: 0 },
      { op: "verify" },
      { op: "openHeld", slot: 1 },
      { op: "read", slot: 1, at: 0, size: 30 },
    ],
  "a file that was created for reading outlives the process": [
    { op: "open", slot: 2, path: "x", how: { access: "r", create: true } },
    { op: "restart", how: "kill" },
  ],
  "a folder made where a link was removed stays listed when the removal has come to S3": [
    { op: "symlink", path: "c", target: "nowhere" },
    { op: "verify" },
    { op: "unlink", path: "c" },
    { op: "mkdir", path: "c" },
    { op: "forget" },
    { op: "pass", ms: 1024 },
    { op: "stat", path: "a" },
    { op: "stat", path: "b" },
    { op: "list", path: "" },
  ],
  "an attribute that was set after a restart outlives the process": [
    { op: "mkdir", path: "b" },
    { op: "open", slot: 1, path: "b/A", how: { access: "rw", create: true } },
    { op: "restart", how: "kill" },
    { op: "setxattr", path: "b/A", name: "user.a", flags: 0, size: 5, fill: 0 },
    { op: "restart", how: "kill" },
  ],
  "a file that was truncated goes with its renamed folder": [
    { op: "mkdir", path: "A" },
    { op: "remotePut", path: "e/a", size: 20, fill: 0 },
    { op: "open", slot: 0, path: "e/x", how: { access: "r", create: true } },
    { op: "verify" },
    { op: "mkdir", path: "A/b" },
    { op: "open", slot: 1, path: "e/x", how: { access: "rw", trunc: true } },
    { op: "open", slot: 1, path: "d", how: { access: "rw", create: true } },
    { op: "rename", path: "e", to: "A/x", flags: 0 },
    { op: "setxattr", path: "A/x", name: "user.b", flags: 0, size: 5, fill: 0 },
  ],
  "a folder is renamed while its object comes to S3": [
    { op: "mkdir", path: "a" },
    { op: "mkdir", path: "a/c" },
    { op: "pass", ms: 1024 },
    { op: "rename", path: "a/c", to: "a/b", flags: 0 },
  ],
  "a file is seen in place of a folder whose object S3 still has, also after a restart": [
    { op: "mkdir", path: "b" },
    { op: "verify" },
    { op: "open", slot: 1, path: "a", how: { access: "r", create: true } },
    { op: "rename", path: "a", to: "b", flags: 2 },
    { op: "pass", ms: 1280 },
    { op: "restart", how: "stop" },
    { op: "setxattr", path: "b", name: "user.b", flags: 0, size: 0, fill: 0 },
  ],
  "a folder that was known by what is in it alone is seen when that comes to S3": [
    { op: "remotePut", path: "d/a/c", size: 0, fill: 0 },
    { op: "chmod", path: "d/a/c", mode: 384 },
    { op: "rename", path: "d", to: "e", flags: 0 },
    { op: "mkdir", path: "e/a/x" },
    { op: "restart", how: "stop" },
    { op: "symlink", path: "c", target: "nowhere" },
    { op: "pass", ms: 1280 },
    { op: "list", path: "e/d" },
    { op: "setxattr", path: "e/a/x", name: "user.a", flags: 0, size: 0, fill: 0 },
  ],
  "a folder does not get the attributes of one that was there before, and is not yet removed": [
    { op: "mkdir", path: "b" },
    { op: "mkdir", path: "b/x" },
    { op: "setxattr", path: "b/x", name: "user.a", flags: 0, size: 5, fill: 0 },
    { op: "verify" },
    { op: "rename", path: "b", to: "c", flags: 0 },
    { op: "mkdir", path: "b" },
    { op: "rename", path: "b", to: "d", flags: 0 },
    { op: "remotePut", path: "d/x/y", size: 20, fill: 1 },
    { op: "listxattr", path: "d/x" },
  ],
  "a folder keeps its attributes when what was in it comes to S3 after a restart": [
    { op: "mkdir", path: "x" },
    { op: "mkdir", path: "x/a" },
    { op: "chmod", path: "x", mode: 420 },
    { op: "verify" },
    { op: "mkdir", path: "x/a/b" },
    { op: "restart", how: "stop" },
    { op: "pass", ms: 1024 },
    { op: "setxattr", path: "x", name: "user.a", flags: 0, size: 0, fill: 0 },
  ],
  "exchanged files do not wait for each other after a restart": [
    { op: "remotePut", path: "a", size: 20, fill: 1 },
    { op: "remotePut", path: "b", size: 30, fill: 2 },
    { op: "rename", path: "a", to: "b", flags: 2 },
    { op: "restart", how: "kill" },
  ],
};

for (const [name, operations] of Object.entries(REGRESSIONS)) {
  Deno.test(name, async () => {
    assert.equal(
      await replay(operations, (attempt) => Promise.resolve(new DirectSubject(attempt))),
      undefined,
    );
  });
}

Deno.test("a folder is found while the last of what was in it comes to S3", async () => {
  const operations: Operation[] = [
    { op: "mkdir", path: "d" },
    { op: "verify" },
    { op: "open", slot: 0, path: "d/a", how: { access: "rw", create: true } },
    { op: "restart", how: "stop" },
    { op: "pass", ms: 1000 },
    { op: "stat", path: "d/a" },
  ];
  // The folder must be let go in the very turn in which it was found.
  for (let seed = 0; seed < 80; seed += 4) {
    const open = (attempt: number) => Promise.resolve(new DirectSubject(seed + attempt));
    assert.equal(await replay(operations, open), undefined);
  }
});
