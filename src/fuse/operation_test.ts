import assert from "node:assert/strict";
import { FsError, type InodeNumber } from "../vfs/file_system.ts";
import { Operation } from "./operation.ts";

function operation(): Operation {
  return new Operation({
    length: 40,
    opcode: 15,
    unique: { low: 2, high: 0 },
    inode: 1 as InodeNumber,
    uid: 1000,
    gid: 1001,
    pid: 7,
  });
}

Deno.test("An operation tells who asks, and its signal fires once, with the first reason", () => {
  const asked = operation();
  assert.deepEqual([asked.uid, asked.gid, asked.pid], [1000, 1001, 7]);
  const reason = new FsError("EINTR", "interrupted");
  let fired = 0;
  asked.signal.addEventListener("abort", () => fired++);
  asked.abort(reason);
  asked.abort(new FsError("ENODEV", "gone"));
  assert.equal(asked.signal.reason, reason);
  assert.equal(asked.abortReason, reason);
  assert.equal(fired, 1);
});

Deno.test("A signal that is asked for after the abort has fired already", () => {
  const asked = operation();
  asked.abort(new FsError("EINTR", "interrupted"));
  assert.ok(asked.signal.aborted);
});

Deno.test("over fires when the operation has settled", () => {
  const asked = operation();
  asked.settled();
  const { over } = asked;
  assert.ok(!over.aborted, "asked for too late: nobody is to be told");
  asked.settled();
  assert.ok(over.aborted);
});
