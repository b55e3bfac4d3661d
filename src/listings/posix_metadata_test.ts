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

Deno.test("decodePosixMetadata reads gcsfuse, and encodePosixMetadata puts our time in place of its", () => {
  const theirs = { gcsfuse_mtime: "2026-03-01T12:00:00.000000005+02:00", gcsfuse_x: "stays" };
  const mtime = { sec: Date.UTC(2026, 2, 1, 10) / 1000, nsec: 5 };
  assert.deepEqual(decodePosixMetadata(theirs), { mtime });
  assert.deepEqual(encodePosixMetadata({ mtime: { sec: 9, nsec: 0 } }, theirs), {
    gcsfuse_x: "stays",
    mtime: "9",
  });
  assert.deepEqual(decodePosixMetadata({ gcsfuse_mtime: "2026-03-01T12:00:00Z" }), {
    mtime: { sec: Date.UTC(2026, 2, 1, 12) / 1000, nsec: 0 },
  });
  assert.deepEqual(decodePosixMetadata({ gcsfuse_mtime: "2026-13-01T12:00:00Z" }), {});
});

Deno.test("decodePosixMetadata reads the time of gsutil, after s3fs's own", () => {
  const theirs = { "goog-reserved-file-mtime": "1700000000" };
  assert.deepEqual(decodePosixMetadata(theirs), { mtime: { sec: 1700000000, nsec: 0 } });
  assert.deepEqual(decodePosixMetadata({ ...theirs, mtime: "5" }), { mtime: { sec: 5, nsec: 0 } });
  assert.deepEqual(encodePosixMetadata({ mtime: { sec: 5, nsec: 0 } }, theirs), { mtime: "5" });
});

Deno.test("decodePosixMetadata reads the symbolic links of geesefs and gcsfuse", () => {
  for (const name of ["--symlink-target", "gcsfuse_symlink_target"]) {
    const link = { mode: 0o120777, target: "../there" };
    assert.deepEqual(decodePosixMetadata({ [name]: "../there" }), link, name);
    const withMode = { [name]: "../there", mode: String(0o120700), uid: "7" };
    assert.deepEqual(decodePosixMetadata(withMode), { ...link, mode: 0o120700, uid: 7 }, name);
  }
});

Deno.test("decodePosixMetadata reads devices, times of access and s3fs's extended attributes", () => {
  const xattr = encodeURIComponent(JSON.stringify({ "user.a": "YQ==", "user.b": "", bad: 1 }));
  assert.deepEqual(
    decodePosixMetadata({ mode: String(0o020600), rdev: "259", atime: "3.000000001", xattr }),
    {
      mode: 0o020600,
      rdev: 259,
      atime: { sec: 3, nsec: 1 },
      xattrs: { "user.a": "YQ==", "user.b": "" },
    },
  );
  for (const nonsense of ["%", "1", "null", "%7B", "[]", "{}"]) {
    assert.deepEqual(decodePosixMetadata({ xattr: nonsense }), {}, nonsense);
  }
});

Deno.test("encodePosixMetadata writes everything that decodePosixMetadata reads", () => {
  const attributes = {
    mode: 0o060660,
    uid: 1,
    gid: 2,
    mtime: { sec: 3, nsec: 4 },
    atime: { sec: -5, nsec: 6 },
    rdev: 0x801,
    xattrs: { "user.é": "AP8=", "user.empty": "" },
  };
  const metadata = encodePosixMetadata(attributes);
  assert.deepEqual(decodePosixMetadata(metadata), attributes);
  assert.deepEqual(encodePosixMetadata({ xattrs: {} }, metadata), {}, "the last one was removed");
});
