import assert from "node:assert/strict";
import { readIfThere, removeIfThere, writeIfChanged } from "./write_file.ts";

Deno.test("A file is written only when it differs, and removed only when it is there", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/a/b/file`;
  try {
    assert.equal(await readIfThere(path), undefined);
    assert.equal(await removeIfThere(path), false);
    assert.equal(await writeIfChanged(path, "one"), true);
    assert.equal(await writeIfChanged(path, "one"), false);
    assert.equal(await writeIfChanged(path, "two"), true);
    assert.equal(await readIfThere(path), "two");
    assert.equal((await Deno.stat(path)).mode! & 0o777, 0o644);
    assert.deepEqual([...Deno.readDirSync(`${folder}/a/b`)].map(({ name }) => name), ["file"]);
    assert.equal(await removeIfThere(path), true);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
