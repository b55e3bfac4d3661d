import assert from "node:assert/strict";
import { Problems } from "./problems.ts";
import { TomlPositions } from "./toml_positions.ts";

const TEXT = `[[mount]]\ncredentials = { a = 1 }\n"odd key" = 2\n`;

Deno.test("A problem has the place and the written path of its key", () => {
  const problems = new Problems(new TomlPositions(TEXT));
  problems.add(["mount", 0, "odd key"], "is odd", "make it even");
  problems.add(["mount", 0], "is poor");
  assert.deepEqual(problems.found, [
    { line: 3, column: 1, key: 'mount[0]."odd key"', message: "is odd", hint: "make it even" },
    { line: 1, column: 1, key: "mount[0]", message: "is poor" },
  ]);
});

Deno.test("After the last word on a key nothing more is said of it or of what is in it", () => {
  const problems = new Problems(new TomlPositions(TEXT));
  problems.addLast(["mount", 0, "credentials"], "is secret", "hide it");
  problems.add(["mount", 0, "credentials"], "is wrong");
  problems.add(["mount", 0, "credentials", "a"], "is wrong");
  problems.add(["mount", 0, "credentials_of_others"], "is unknown");
  assert.deepEqual(problems.found.map(({ message }) => message), ["is secret", "is unknown"]);
});

Deno.test("A key of any length is named in a line", () => {
  const problems = new Problems(new TomlPositions(""));
  problems.add(["k".repeat(5000)], "is long");
  assert.ok(problems.found[0]!.key.length < 70);
});
