/** Each row of the README's table of semantics names tests, as `file`: "a part of the name". They exist. */
import assert from "node:assert/strict";

const ROOT = new URL("../", import.meta.url);
/** What a row says of a test. */
const NAMED = /`([\w.]+\.ts)`: "([^"]+)"/g;
const HEADING = "## What you can rely on";

Deno.test("Each row of the README's table of semantics names tests that exist", async () => {
  const readme = await Deno.readTextFile(new URL("README.md", ROOT));
  const [table = ""] = readme.slice(readme.indexOf(HEADING)).match(/(^\|.*\n)+/m) ?? [];
  const rows = table.trimEnd().split("\n").slice(2);
  assert.ok(rows.length > 20, `${rows.length} rows below "${HEADING}"`);
  const files = await testFiles();
  const missing: string[] = [];
  for (const row of rows) {
    const named = [...row.matchAll(NAMED)];
    if (named.length === 0) missing.push(`no test in: ${row}`);
    for (const [, file = "", part = ""] of named) {
      const found = files.get(file)?.some((text) => text.includes(part)) ?? false;
      if (!found) missing.push(`${file}: ${part}`);
    }
  }
  assert.deepEqual(missing, []);
});

/** The texts of the files in which tests are, by file name. */
async function testFiles(): Promise<ReadonlyMap<string, readonly string[]>> {
  const files = new Map<string, string[]>();
  const folders = [new URL("src/", ROOT), new URL("tests/", ROOT)];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for await (const entry of Deno.readDir(folder)) {
      if (entry.isDirectory) folders.push(new URL(`${entry.name}/`, folder));
      if (!entry.isFile || !/_(test|suite)\.ts$/.test(entry.name)) continue;
      const texts = files.get(entry.name) ?? [];
      texts.push(await Deno.readTextFile(new URL(entry.name, folder)));
      files.set(entry.name, texts);
    }
  }
  return files;
}
