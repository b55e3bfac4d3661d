import assert from "node:assert/strict";
import { SystemError } from "../ffi/system_error.ts";
import { JournalError } from "../journal/journal_error.ts";
import * as store from "../s3/errors.ts";
import { errnoOf } from "./errno_map.ts";
import { FsError } from "./file_system.ts";

const details = { operation: "GetObject", bucket: "b", key: "k" };

Deno.test("errnoOf knows every class of error", () => {
  const table: [unknown, string][] = [
    [new FsError("ENOTEMPTY", "x"), "ENOTEMPTY"],
    [new SystemError("Cannot write", "pwrite", "ENOSPC"), "ENOSPC"],
    [new SystemError("Cannot write", "pwrite", "errno 9999"), "EIO"],
    [new store.NotFoundError("x", details), "ENOENT"],
    [new store.BucketNotFoundError("x", details), "EIO"],
    [new store.PreconditionFailedError("x", details), "ESTALE"],
    [new store.AccessDeniedError("x", details), "EACCES"],
    [new store.SignedOutError("x", details), "EACCES"],
    [new store.WrongRegionError("x", details, "eu-west-1"), "EIO"],
    [new store.ClockSkewError("x", details, 1), "EIO"],
    [new store.ThrottledError("x", details), "EIO"],
    [new store.ServerError("x", details), "EIO"],
    [new store.TransportError("x", details), "EIO"],
    [new store.ProtocolError("x", details), "EIO"],
    [new store.UnsupportedError("x", details), "ENOTSUP"],
    [new store.InvalidKeyError("x", details), "EINVAL"],
    [new store.IntegrityError("x", details), "EIO"],
    [new JournalError("full", "x"), "ENOSPC"],
    [new JournalError("io", "x"), "EIO"],
    [new JournalError("closed", "x"), "EIO"],
    [new DOMException("x", "TimeoutError"), "ETIMEDOUT"],
    [new DOMException("x", "AbortError"), "EINTR"],
    [new RangeError("x"), "ENOMEM"],
    [new Error("x"), "EIO"],
    ["not even an error", "EIO"],
  ];
  for (const [error, errno] of table) assert.equal(errnoOf(error), errno, String(error));
  const classes = Object.keys(store).filter((name) =>
    name.endsWith("Error") && name !== "StoreError"
  );
  for (const name of classes) {
    const tried = table.some(([error]) => error instanceof Error && error.name === name);
    assert.ok(tried, `${name} is not in the table`);
  }
});
