import assert from "node:assert/strict";
import { fakeMountConfig } from "../../../tests/daemon/fake_backend.ts";
import type { MountConfig } from "../../config/types.ts";
import type { CallerIdentity } from "../../s3/caller_identity.ts";
import { AccessDeniedError } from "../../s3/errors.ts";
import { checkIdentity } from "./check_identity.ts";
import { Findings } from "./finding.ts";

const calm = new AbortController().signal;

async function check(
  identity: () => Promise<CallerIdentity | undefined>,
  mount: Partial<MountConfig> = {},
) {
  const findings = new Findings("photos");
  const go = await checkIdentity(fakeMountConfig("photos", mount), { identity }, findings, calm);
  assert.equal(findings.list.length, 1);
  return { go, ...findings.list[0]! };
}

Deno.test("Credentials are told by the end of their id, their owner and their end", async () => {
  const of = async (identity: CallerIdentity | undefined) => {
    const { go, status, message } = await check(() => Promise.resolve(identity));
    assert.deepEqual([go, status], [true, "ok"]);
    return message;
  };
  assert.equal(await of(undefined), "are not used: requests are not signed");
  assert.equal(await of({ accessKeyIdEnd: "WXYZ" }), "access key …WXYZ");
  assert.equal(
    await of({ accessKeyIdEnd: "WXYZ", arn: "arn:aws:iam::1:user/me", expireAtMs: 0 }),
    "access key …WXYZ of arn:aws:iam::1:user/me, until 1970-01-01T00:00:00.000Z",
  );
});

Deno.test("Without credentials the command that gives some is told, by where they come from", async () => {
  const none = () =>
    Promise.reject(
      new AccessDeniedError("none", { operation: "GetCallerIdentity", bucket: "b", hint: "x" }),
    );
  const fix = async (mount: Partial<MountConfig>) => {
    const { go, status, fix } = await check(none, mount);
    assert.deepEqual([go, status], [false, "error"]);
    return fix;
  };
  const keychain = { kind: "keychain" } as const;
  assert.equal(await fix({ credentials: keychain }), "cloudmount credentials set default");
  assert.equal(
    await fix({ credentials: keychain, profile: "work" }),
    "cloudmount credentials set work",
  );
  const env = { kind: "env", accessKeyIdEnv: "A", secretAccessKeyEnv: "B" } as const;
  assert.equal(await fix({ credentials: env }), "Set A and B where the daemon runs");
  assert.match(
    await fix({ credentials: { kind: "chain" }, profile: "work" }),
    /^aws configure --profile work \(with single sign-on: aws sso login --profile work\)/,
  );
});
