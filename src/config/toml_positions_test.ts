import assert from "node:assert/strict";
import { parse as parseToml } from "smol-toml";
import { positionAt, type TomlPath, TomlPositions } from "./toml_positions.ts";

/** Finds the path and gives "line:column". */
function find(text: string, path: TomlPath): string {
  parseToml(text);
  const { line, column } = new TomlPositions(text).find(path);
  return `${line}:${column}`;
}

const TEXT = `# a comment with [brackets] and "quotes"
title = "x # no comment" # one
\tindented.dotted = 1

[daemon]
log_level = 'info'   # x = 1
long = """
[not.a.header]
key = 1 \\""" still """""
literal = '''
]]'''
"quoted key" = 1
"esc\\u0061ped" = 2
'lit.eral' = { inner = 1, "deep er" = { x = [1, { y = 2 }] } }
list = [ # comment ]
  "a,]", 'b', # another
  { z = 3 },
]

[[mount]]
name = "first"
[mount.credentials]
access_key_id_env = "A"
[[mount]]
name = "🪣"
[[mount.rules]]
n = 1
[[mount.rules]]
n = 2
  [ spaced . "he ader" ]
when = 1979-05-27 07:32:00
last = 1`;

const PLACES: readonly (readonly [TomlPath, string])[] = [
  [["title"], "2:1"],
  [["indented"], "3:2"],
  [["indented", "dotted"], "3:11"],
  [["daemon"], "5:1"],
  [["daemon", "log_level"], "6:1"],
  [["daemon", "long"], "7:1"],
  [["daemon", "literal"], "10:1"],
  [["daemon", "quoted key"], "12:1"],
  [["daemon", "escaped"], "13:1"],
  [["daemon", "lit.eral"], "14:1"],
  [["daemon", "lit.eral", "inner"], "14:16"],
  [["daemon", "lit.eral", "deep er"], "14:27"],
  [["daemon", "lit.eral", "deep er", "x", 0], "14:46"],
  [["daemon", "lit.eral", "deep er", "x", 1, "y"], "14:51"],
  [["daemon", "list", 1], "16:10"],
  [["daemon", "list", 2, "z"], "17:5"],
  [["mount", 0], "20:1"],
  [["mount", 0, "name"], "21:1"],
  [["mount", 0, "credentials"], "22:1"],
  [["mount", 0, "credentials", "access_key_id_env"], "23:1"],
  [["mount", 1], "24:1"],
  [["mount", 1, "name"], "25:1"],
  [["mount", 1, "rules", 1, "n"], "29:1"],
  [["spaced", "he ader", "when"], "31:1"],
  [["spaced", "he ader", "last"], "32:1"],
];

for (const [path, place] of PLACES) {
  Deno.test(`The place of ${JSON.stringify(path)} is ${place}`, () => {
    assert.equal(find(TEXT, path), place);
  });
}

Deno.test("Lines may end with CR LF", () => {
  assert.equal(find(TEXT.replaceAll("\n", "\r\n"), ["spaced", "he ader", "last"]), "32:1");
});

Deno.test("A key that is absent has the place of its table, or of the text", () => {
  assert.equal(find(TEXT, ["mount", 1, "bucket"]), "24:1");
  assert.equal(find(TEXT, ["nothing", "here"]), "1:1");
  assert.equal(find("", ["x"]), "1:1");
});

Deno.test("An inline array of tables counts its elements", () => {
  const text = `mount = [{ name = "a" },\n { name = "b" }]`;
  assert.equal(find(text, ["mount", 1, "name"]), "2:4");
});

Deno.test("Columns count characters, not code units", () => {
  assert.deepEqual(positionAt("ab\n🪣🪣x", 7), { line: 2, column: 3 });
});
