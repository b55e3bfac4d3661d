import assert from "node:assert/strict";
import { redact } from "./redact.ts";

const SECRET = "wJalrXUtnFEMI";

for (
  const text of [
    `GET /b/k?X-Amz-Date=20261101&X-Amz-Signature=${SECRET}&x=1`,
    `{"authorization":"AWS4-HMAC-SHA256 Credential=AKIA, Signature=${SECRET}"}`,
    `Authorization: AWS4-HMAC-SHA256 Signature=${SECRET}`,
    `{"secretAccessKey":"${SECRET}"}`,
    `AWS_SECRET_ACCESS_KEY=${SECRET}`,
    `aws_session_token = ${SECRET}`,
    `http://user:${SECRET}@host/`,
    `x-amz-security-token: ${SECRET}`,
  ]
) {
  Deno.test(`redact hides the secret in ${text.replace(SECRET, "...")}`, () => {
    assert.ok(!redact(text).includes(SECRET), redact(text));
  });
}

Deno.test("redact leaves ordinary text alone", () => {
  const text = 'Cannot read "photos/secret plans.txt" at http://127.0.0.1:9000/b?prefix=a: 503';
  assert.equal(redact(text), text);
});
