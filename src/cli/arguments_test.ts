import assert from "node:assert/strict";
import { duration, mountName, path } from "./arguments.ts";

Deno.test("A duration is milliseconds", () => {
  assert.deepEqual(duration().parse("1.5m"), { success: true, value: 90_000 });
  for (const wrong of ["", "60", "-1s", "1 week"]) {
    assert.equal(duration().parse(wrong).success, false, wrong);
  }
});

Deno.test("Paths and names are taken as they are, if there are any", () => {
  assert.deepEqual(path("FILE").parse("-x y"), { success: true, value: "-x y" });
  assert.deepEqual(mountName().parse("photos"), { success: true, value: "photos" });
  assert.equal(path("DIR").parse("").success, false);
  assert.equal(mountName().parse("").success, false);
});

Deno.test("The shell completes directories for a directory, and all for a file", () => {
  const types = (["DIR", "FILE"] as const).map((kind) => [...path(kind).suggest!("a")][0]);
  assert.deepEqual(types, [
    { kind: "file", type: "directory", pattern: "a", includeHidden: false },
    { kind: "file", type: "any", pattern: "a", includeHidden: false },
  ]);
});
