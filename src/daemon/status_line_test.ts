import assert from "node:assert/strict";
import { FakeBackend, fakeMountConfig } from "../../tests/daemon/fake_backend.ts";
import type { MountStatus, StatusDocument } from "../control/protocol.ts";
import { MountedBucket } from "./mounted_bucket.ts";
import { statusLine } from "./status_line.ts";

function document(...mounts: readonly Partial<MountStatus>[]): StatusDocument {
  const backend = new FakeBackend();
  const base = new MountedBucket(fakeMountConfig("photos"), backend).status();
  return {
    version: "1",
    pid: 1,
    uptime_seconds: 1,
    healthy: true,
    config_path: "/x",
    config_error: null,
    ...backend.usage(),
    mounts: mounts.map((mount) => ({ ...base, state: "mounted", ...mount })),
  };
}

function waiting(files: number, bytes: number): Partial<MountStatus> {
  const { uploads } = new MountedBucket(fakeMountConfig("x"), new FakeBackend()).status();
  return { uploads: { ...uploads, pending_files: files, pending_bytes: bytes } };
}

Deno.test("The status line counts mounts and what waits", () => {
  assert.equal(statusLine(document()), "0 mounts up, nothing waiting");
  assert.equal(statusLine(document({})), "1 mount up, nothing waiting");
  assert.equal(
    statusLine(document(waiting(1, 1024), waiting(1, 1024), { state: "stopped" })),
    "2 mounts up, 2 files waiting (2 KiB)",
  );
  assert.equal(
    statusLine(document({}, { state: "starting" }, waiting(1, 1024))),
    "2 of 3 mounts up, 1 file waiting (1 KiB)",
  );
});

Deno.test("The status line names what is wrong, in one line of bounded length", () => {
  const error = { message: "S3 refuses:\naccess denied", hint: "", since: "" };
  assert.equal(
    statusLine(document({}, { name: "music", state: "failed", error })),
    "1 of 2 mounts up, nothing waiting; music is failed: S3 refuses: access denied",
  );
  const status = { ...document({}), config_error: error };
  assert.equal(statusLine(status), "1 mount up, nothing waiting; the config file has errors");
  const long = { ...error, message: "x".repeat(1000) };
  assert.equal(statusLine(document({ state: "degraded", error: long })).length, 300);
});
