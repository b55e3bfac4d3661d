import assert from "node:assert/strict";
import { decodePosixMetadata, encodePosixMetadata } from "./posix_metadata.ts";

Deno.test("encodePosixMetadata writes the dialect of s3fs and keeps the user's own metadata", () => {
  assert.deepEqual(
    encodePosixMetadata(
      { mode: 0o100644, uid: 1000, gid: 50, mtime: { sec: 1700000000, nsec: 5000 } },
      { author: "me", mode: "1", uid: "2" },
    ),
    { author: "me", mode: "33188", uid: "1000", gid: "50", mtime: "1700000000.000005000" },
  );
  assert.deepEqual(encodePosixMetadata({ mtime: { sec: 7, nsec: 0 } }), { mtime: "7" });
  assert.deepEqual(encodePosixMetadata({}, { mtime: "7" }), {});
});

Deno.test("decodePosixMetadata reads what encodePosixMetadata writes", () => {
  for (const mtime of [{ sec: 0, nsec: 1 }, { sec: -1, nsec: 5 }, { sec: -7, nsec: 0 }]) {
    const attributes = { mode: 0o120777, uid: 0, gid: 4294967295, mtime };
    assert.deepEqual(decodePosixMetadata(encodePosixMetadata(attributes)), attributes);
  }
});

Deno.test("decodePosixMetadata reads rclone's mtime", () => {
  assert.deepEqual(decodePosixMetadata({ mtime: "1700000000.5" }), {
    mtime: { sec: 1700000000, nsec: 500_000_000 },
  });
});

Deno.test("decodePosixMetadata ignores what makes no sense", () => {
  const nonsense = { mode: "rw-r--r--", uid: "-1", gid: "99999999999", mtime: "yesterday" };
  assert.deepEqual(decodePosixMetadata(nonsense), {});
  assert.deepEqual(decodePosixMetadata({ mode: "420" }), {}, "without type bits");
});
