import assert from "node:assert/strict";
import { ControlTimeoutError, NoDaemonError } from "../../control/client.ts";
import { ProblemError } from "../../control/protocol.ts";
import { CommandError, UsageError } from "../command_error.ts";
import { requireChoice, toCommandError } from "./_control.ts";

const exitCodeOf = (error: unknown) => {
  const translated = toCommandError(error);
  assert.ok(translated instanceof CommandError);
  return translated.exitCode;
};

Deno.test("Each way in which a daemon does not do something has its exit code", () => {
  const problem = { title: "t", detail: "d" };
  const pending = [{
    name: "photos",
    files: 1,
    bytes: 5,
    oldest_seconds: null,
    oldest_paths: [],
    last_error: null,
  }];
  assert.equal(exitCodeOf(new NoDaemonError("nobody")), 4);
  assert.equal(exitCodeOf(new ControlTimeoutError("late")), 6);
  assert.equal(exitCodeOf(new ProblemError({ ...problem, status: 504 })), 6);
  assert.equal(exitCodeOf(new ProblemError({ ...problem, status: 502, pending })), 6);
  assert.equal(exitCodeOf(new ProblemError({ ...problem, status: 409 })), 1);
  const other = new Error("a bug");
  assert.equal(toCommandError(other), other);
});

Deno.test("What is pending is named in the message", () => {
  const error = toCommandError(
    new ProblemError({
      title: "Timed out",
      status: 504,
      detail: "Cannot stop",
      hint: "Wait",
      pending: [{
        name: "photos",
        files: 3,
        bytes: 2048,
        oldest_seconds: 90,
        oldest_paths: ["a\nb", "c"],
        last_error: "S3 answered 503",
      }, {
        name: "docs",
        files: 1,
        bytes: 0,
        oldest_seconds: 2,
        oldest_paths: [],
        last_error: null,
      }],
    }),
  );
  assert.ok(error instanceof CommandError);
  assert.equal(
    error.message,
    String.raw`Cannot stop. Pending:
  3 files (2 KiB) of "photos", the oldest for 1 min: "a\nb", "c" and 1 more; last error: S3 answered 503
  1 file (0 B) of "docs", the oldest for 2 s`,
  );
  assert.equal(error.hint, "Wait");
});

Deno.test("Names or --all must be given, not both", () => {
  requireChoice(["a"], false);
  requireChoice([], true);
  assert.throws(() => requireChoice([], false), UsageError);
  assert.throws(() => requireChoice(["a"], true), UsageError);
});
