import assert from "node:assert/strict";
import { pathEnvironment } from "../../tests/support/path_environment.ts";
import { ConfigFile } from "./config_file.ts";
import { MountEditError, planAdd, planChange, planRemove, valueFromText } from "./mount_edits.ts";

const ENVIRONMENT = pathEnvironment("/home/u");
const TEXT = `[[mount]]
name = "photos" # mine
bucket = "my-photos"
mount_point = "~/photos"
`;

function setUp(text = TEXT) {
  const file = new ConfigFile("/nowhere/cloudmount.toml", ENVIRONMENT);
  return { file, current: { text, config: file.parse(text) } };
}

function errorOf(work: () => unknown): MountEditError {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof MountEditError, String(error));
    return error;
  }
  throw new Error("nothing was thrown");
}

Deno.test("A mount is added under its bucket's name, or the one it is given", () => {
  const { file, current } = setUp();
  const added = planAdd(file, current, { bucket: "docs", mount_point: "/d", read_only: true });
  assert.equal(added.name, "docs");
  assert.ok(added.text.startsWith(TEXT));
  assert.equal(added.config.mounts[1]!.readOnly, true);
  const named = planAdd(file, current, { bucket: "docs", mount_point: "/d", name: "d", uid: null });
  assert.equal(named.config.mounts[1]!.name, "d");
});

Deno.test("A taken name or mount point is told apart from what is wrong in itself", () => {
  const { file, current } = setUp();
  const taken = errorOf(() =>
    planAdd(file, current, { name: "photos", bucket: "docs", mount_point: "/home/u/photos/in" })
  );
  assert.equal(taken.kind, "taken");
  assert.deepEqual(taken.errors.map(({ field }) => field), ["name", "mount_point"]);
  const wrong = errorOf(() =>
    planAdd(file, current, { bucket: "docs", mount_point: "/d", uid: "x", metadata_ttl: "5 years" })
  );
  assert.equal(wrong.kind, "invalid");
  assert.deepEqual(wrong.errors.map(({ field }) => field).sort(), ["metadata_ttl", "uid"]);
  const unknown = errorOf(() => planAdd(file, current, { bukket: "docs", x: [1] }));
  assert.deepEqual(unknown.errors[0], {
    field: "bukket",
    message: "unknown key",
    hint: 'did you mean "bucket"?',
  });
  const missing = errorOf(() => planAdd(file, current, { name: "a" }));
  assert.deepEqual(missing.errors.map(({ field }) => field).sort(), ["bucket", "mount_point"]);
});

Deno.test("A change keeps the rest, null gives the default back, and secrets are refused", () => {
  const { file, current } = setUp();
  const changed = planChange(file, current, "photos", { name: "pics", metadata_ttl: "5s" });
  assert.equal(changed.name, "pics");
  assert.ok(changed.text.includes('name = "pics" # mine\n'));
  const back = planChange(file, changed, "pics", { metadata_ttl: null, name: "photos" });
  assert.equal(back.text, TEXT);
  assert.equal(errorOf(() => planChange(file, current, "other", {})).kind, "unknown");
  const secret = { access_key_id_env: "A", secret_access_key: "0123456789" };
  const refused = errorOf(() => planChange(file, current, "photos", { credentials: secret }));
  assert.equal(refused.kind, "invalid");
  assert.ok(!refused.message.includes("0123456789"));
});

Deno.test("A mount is removed by its name", () => {
  const { file, current } = setUp();
  assert.equal(planRemove(file, current, "photos").text, "");
});

Deno.test("A value of the command line is what its key takes", () => {
  for (
    const [key, text, value] of [
      ["bucket", "123", "123"],
      ["uid", "1000", 1000],
      ["read_only", "true", true],
      ["metadata_ttl", "5s", "5s"],
      ["uid", "many", "many"],
      ["credentials", '{ access_key_id_env = "A", secret_access_key_env = "B" }', {
        access_key_id_env: "A",
        secret_access_key_env: "B",
      }],
    ] as const
  ) {
    assert.deepEqual(JSON.parse(JSON.stringify(valueFromText(key, text, "/home/u"))), value);
  }
});
