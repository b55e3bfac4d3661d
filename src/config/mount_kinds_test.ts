import assert from "node:assert/strict";
import type { Kind } from "./kinds.ts";
import {
  awsBucketProblem,
  bucketName,
  credentials,
  endpointUrl,
  keyPrefix,
  mountName,
  mountPoint,
  writtenCredentials,
} from "./mount_kinds.ts";

function valueOf<T>(kind: Kind<T>, value: unknown): T | undefined {
  const checked = kind(value, "/home/ann");
  return checked.ok ? checked.value : undefined;
}

Deno.test("Mount names are letters, digits, dots, dashes and underscores", () => {
  for (const name of ["a", "photos", "Photos-2024_x.y", "0", "x".repeat(64)]) {
    assert.equal(valueOf(mountName, name), name);
  }
  for (const name of ["", ".x", "-x", "a b", "a/b", "ä", "x".repeat(65), "a#b"]) {
    assert.equal(valueOf(mountName, name), undefined, name);
  }
});

Deno.test("Amazon's rules for buckets are those of its guide", () => {
  for (const name of ["abc", "my-bucket", "my.bucket", "1bucket1", "x".repeat(63)]) {
    assert.equal(awsBucketProblem(name), undefined, name);
  }
  for (const name of ["ab", "x".repeat(64), "Abc", "a_b", "abc-", "a..b", "10.0.0.1"]) {
    assert.notEqual(awsBucketProblem(name), undefined, name);
  }
});

Deno.test("Other services may have buckets that Amazon cannot", () => {
  for (const name of ["My_Bucket", "ab", "x".repeat(200)]) {
    assert.equal(valueOf(bucketName, name), name);
  }
  for (const name of ["a b", "a/b", "s3://ab", "arn:aws:s3:::ab", "", "x".repeat(300), "-ab"]) {
    assert.equal(valueOf(bucketName, name), undefined, name);
  }
});

Deno.test("A prefix gets the slash at its end that makes it a folder", () => {
  assert.equal(valueOf(keyPrefix, ""), "");
  assert.equal(valueOf(keyPrefix, "a/b"), "a/b/");
  assert.equal(valueOf(keyPrefix, "a/b/"), "a/b/");
  assert.equal(valueOf(keyPrefix, "ä 🪣/...x"), "ä 🪣/...x/");
  for (const prefix of ["/", "/a", "a//", "a//b", "./a", "a/..", "a\nb", 1]) {
    assert.equal(valueOf(keyPrefix, prefix), undefined, String(prefix));
  }
});

Deno.test("A mount point is any absolute directory but the root and the home", () => {
  assert.equal(valueOf(mountPoint, "~/x"), "/home/ann/x");
  assert.equal(valueOf(mountPoint, "/mnt//x/"), "/mnt/x");
  for (const path of ["/", "~", "/home/ann/", "x", "", "/a\u0000"]) {
    assert.equal(valueOf(mountPoint, path), undefined, path);
  }
});

Deno.test("An endpoint is reduced to its origin", () => {
  assert.equal(valueOf(endpointUrl, "https://s3.example.com/"), "https://s3.example.com");
  assert.equal(valueOf(endpointUrl, "HTTP://LOCALHOST:9000"), "http://localhost:9000");
  assert.equal(valueOf(endpointUrl, "http://[::1]:9000"), "http://[::1]:9000");
  for (
    const url of [
      "s3.example.com",
      "ftp://x",
      "https://",
      "https://a b",
      "https://x/bucket",
      "https://x?y",
      "https://x#y",
      "https://u:p@x",
      "http://x:70000",
      9000,
    ]
  ) assert.equal(valueOf(endpointUrl, url), undefined, String(url));
});

Deno.test("The message about an endpoint with a password does not repeat it", () => {
  for (const url of ["https://me:hush@x", "https://me:hush@x:99999", "https://me:hush@a b"]) {
    const checked = endpointUrl(url, undefined);
    assert.ok(!checked.ok && !JSON.stringify(checked).includes("hush"));
  }
});

Deno.test("Credentials are a word, or the names of two variables, and can be written again", () => {
  const table = { access_key_id_env: "MY_ID", secret_access_key_env: "MY_KEY" };
  for (const written of ["chain", "keychain", "anonymous", table]) {
    const source = valueOf(credentials, written);
    assert.ok(source !== undefined);
    assert.deepEqual(writtenCredentials(source), written);
  }
  for (
    const wrong of ["keyring", "", "env", 1, [], {}, { access_key_id_env: "A" }, {
      ...table,
      session_token_env: "T",
    }]
  ) assert.equal(valueOf(credentials, wrong), undefined, JSON.stringify(wrong));
});
