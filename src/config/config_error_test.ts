import assert from "node:assert/strict";
import { ConfigError, formatProblem } from "./config_error.ts";

Deno.test("Problems are shown in the order of the file, one a line", () => {
  const error = new ConfigError("/c.toml", [
    { line: 3, column: 1, key: "a", message: "is late" },
    { line: 1, column: 9, key: "b", message: "is right", hint: "move" },
    { line: 1, column: 2, key: "", message: "is first" },
  ]);
  assert.equal(
    error.message,
    "/c.toml:1:2: is first\n/c.toml:1:9: b: is right (move)\n/c.toml:3:1: a: is late",
  );
});

Deno.test("A problem is shown as editors and compilers do", () => {
  const problem = { line: 7, column: 5, key: "daemon.x", message: "unknown key", hint: "drop it" };
  assert.equal(formatProblem("f", problem), "f:7:5: daemon.x: unknown key (drop it)");
});
