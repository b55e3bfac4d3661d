import assert from "node:assert/strict";
import { guardedFolder } from "./protected_folders.ts";

Deno.test("Folders that macOS guards are known, with all that lies in them", () => {
  const of = (path: string) => guardedFolder(path, "/Users/x");
  assert.equal(of("/Users/x/Documents/s3"), "/Users/x/Documents");
  assert.equal(of("/Users/x/Desktop"), "/Users/x/Desktop");
  assert.equal(
    of("/Users/x/Library/Mobile Documents/a/b"),
    "/Users/x/Library/Mobile Documents",
  );
  for (const path of ["/Users/x/CloudMount/a", "/Users/x/Documents2", "/Users/y/Documents/a"]) {
    assert.equal(of(path), undefined, path);
  }
});
