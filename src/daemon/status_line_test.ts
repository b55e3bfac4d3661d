import assert from "node:assert/strict";
import { fakeReport } from "../../tests/daemon/fake_backend.ts";
import { fakeStatus } from "../../tests/daemon/fake_status.ts";
import type { MountStatus } from "../control/protocol.ts";
import { statusLine } from "./status_line.ts";

const document = (...mounts: readonly Partial<MountStatus>[]) => fakeStatus(mounts);

function waiting(files: number, bytes: number): Partial<MountStatus> {
  return { uploads: { ...fakeReport().uploads, pending_files: files, pending_bytes: bytes } };
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
