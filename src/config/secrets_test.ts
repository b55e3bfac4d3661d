import assert from "node:assert/strict";
import { findSecrets } from "./secrets.ts";

const KEY_ID = `ASIA${"7".repeat(16)}`;
const KEY = "aB3".repeat(13) + "/";

for (
  const key of [
    "access_key_id",
    "access_key",
    "secret_access_key",
    "secret_key",
    "secret",
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
    "session_token",
    "AccessKeyId",
    "SecretAccessKey",
    "password",
    "token",
  ]
) {
  Deno.test(`A key named ${key} holds a secret, whatever its value`, () => {
    assert.deepEqual(findSecrets({ mount: [{ [key]: 1 }] }), [["mount", 0, key]]);
  });
}

Deno.test("Values that look like keys of Amazon are secrets under any name", () => {
  assert.deepEqual(findSecrets({ a: { b: [KEY_ID] }, c: KEY, d: `id=${KEY_ID}` }), [
    ["a", "b", 0],
    ["c"],
    ["d"],
  ]);
});

Deno.test("What a config usually holds is no secret", () => {
  const document = {
    daemon: { state_dir: "/Users/John/Documents/Backup/2024/Photos/", when: new Date(0) },
    mount: [{
      name: "x".repeat(40),
      sse_kms_key_id: "1234abcd-12ab-34cd-56ef-1234567890ab",
      mount_point: "/Users/John/Documents/Backup2024/Photos1",
      prefix: "Abc1".repeat(10),
      credentials: { access_key_id_env: "MY_ID", secret_access_key_env: "MY_KEY" },
      bucket: "akiaiosfodnn7example",
    }],
  };
  assert.deepEqual(findSecrets(document), []);
});
