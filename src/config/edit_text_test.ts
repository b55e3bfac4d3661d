import assert from "node:assert/strict";
import { parse } from "smol-toml";
import { addMount, changeMount, removeMount } from "./edit_text.ts";

const TEXT = `# about the file
[daemon]
log_level = "info" # quiet

# first
[[mount]]
  name = "a"   # the name
  bucket = "aa"

  # where
  mount_point = '/a' # here

# second,
# with keys
[[mount]]
name = "b"
bucket = "bb"
mount_point = "/b"
[mount.credentials] # of the team
access_key_id_env = "X"
secret_access_key_env = "Y"

# a remark of its own

# third
[[mount]]
name="c"
bucket='cc'
credentials.access_key_id_env = "X"
credentials.secret_access_key_env = "Y"
mount_point="/c"
`;

/** The lines that are not in the other text, with their signs. */
function difference(before: string, after: string): string[] {
  const lines = (text: string) => text.split("\n");
  const gone = lines(before).filter((line) => line !== "" && !lines(after).includes(line));
  const come = lines(after).filter((line) => line !== "" && !lines(before).includes(line));
  return [...gone.map((line) => `-${line}`), ...come.map((line) => `+${line}`)];
}

Deno.test("addMount appends a mount and leaves the rest as it is", () => {
  const values = { name: "d", bucket: 'd"d', read_only: true };
  const added = addMount(TEXT, values);
  assert.equal(added, `${TEXT}\n[[mount]]\nname = "d"\nbucket = "d\\"d"\nread_only = true\n`);
  assert.deepEqual({ ...(parse(added)["mount"] as object[])[3] }, values);
  assert.equal(addMount("", { name: "x" }), '[[mount]]\nname = "x"\n');
  assert.equal(addMount("# hi", { name: "x" }), '# hi\n\n[[mount]]\nname = "x"\n');
  assert.equal(addMount("a = 1\r\n", { name: "x" }), 'a = 1\r\n\r\n[[mount]]\r\nname = "x"\r\n');
});

Deno.test("removeMount takes a mount with its comment and its sub-tables, and nothing else", () => {
  assert.deepEqual(difference(TEXT, removeMount(TEXT, 0)), [
    "-# first",
    '-  name = "a"   # the name',
    '-  bucket = "aa"',
    "-  # where",
    "-  mount_point = '/a' # here",
  ]);
  const second = removeMount(TEXT, 1);
  assert.ok(second.includes("# here\n\n# a remark of its own\n\n# third\n[[mount]]\n"));
  assert.ok(!second.includes("# with keys") && !second.includes("of the team"));
  const names = (text: string) => (parse(text)["mount"] as { name: string }[]).map((m) => m.name);
  assert.deepEqual(names(second), ["a", "c"]);
  assert.deepEqual(names(removeMount(TEXT, 2)), ["a", "b"]);
  assert.equal(removeMount('# file\n[[mount]]\nname = "a"\n', 0), "# file\n");
});

Deno.test("changeMount changes a value in its place, and keeps what stands beside it", () => {
  assert.deepEqual(difference(TEXT, changeMount(TEXT, 0, { mount_point: "/new" })), [
    "-  mount_point = '/a' # here",
    '+  mount_point = "/new" # here',
  ]);
  assert.deepEqual(difference(TEXT, changeMount(TEXT, 2, { bucket: "x", name: "y" })), [
    '-name="c"',
    "-bucket='cc'",
    '+name="y"',
    '+bucket="x"',
  ]);
});

Deno.test("changeMount adds a key behind the mount's own ones, indented as they are", () => {
  const first = changeMount(TEXT, 0, { read_only: true });
  assert.ok(first.includes("# here\n  read_only = true\n\n# second"));
  const second = changeMount(TEXT, 1, { uid: 7 });
  assert.ok(second.includes('mount_point = "/b"\nuid = 7\n[mount.credentials]'));
  assert.equal(
    changeMount('[[mount]]\nname = "a"', 0, { uid: 1 }),
    '[[mount]]\nname = "a"\nuid = 1\n',
  );
});

Deno.test("changeMount replaces tables and dotted keys, and removes what is null", () => {
  for (const index of [1, 2]) {
    const changed = changeMount(TEXT, index, { credentials: "anonymous" });
    const mount = (parse(changed)["mount"] as Record<string, unknown>[])[index]!;
    assert.equal(mount["credentials"], "anonymous");
    const gone = changeMount(TEXT, index, { credentials: null });
    assert.ok(!("credentials" in (parse(gone)["mount"] as object[])[index]!));
  }
  const env = { access_key_id_env: "P", secret_access_key_env: "Q" };
  const set = changeMount(TEXT, 0, { credentials: env });
  assert.deepEqual({ ...(parse(set)["mount"] as { credentials: object }[])[0]!.credentials }, env);
});

Deno.test("Mounts that are written as one list are refused", () => {
  assert.throws(() => addMount('mount = [{ name = "a" }]', {}), /write each as a \[\[mount\]\]/);
});
