import assert from "node:assert/strict";
import { signInOf } from "./sign_in_hint.ts";

Deno.test("signInOf names the exact command", async () => {
  const home = await Deno.makeTempDir();
  await using stack = new AsyncDisposableStack();
  stack.defer(() => Deno.remove(home, { recursive: true }));
  const config = `${home}/config`;
  await Deno.writeTextFile(
    config,
    "[profile work]\nsso_session = corp\n[default]\ncredential_process = tool\n",
  );
  const env: Record<string, string> = { AWS_CONFIG_FILE: config };
  const readEnv = (name: string) => env[name];
  const chain = { kind: "chain" } as const;
  const sso = await signInOf(chain, "work", readEnv);
  assert.deepEqual(sso, { hint: "Sign in: aws sso login --profile work", isRegular: true });
  const process = await signInOf(chain, undefined, readEnv);
  assert.match(process.hint, /: aws configure export-credentials$/);
  env["AWS_PROFILE"] = "plain";
  const keys = await signInOf(chain, undefined, readEnv);
  assert.match(keys.hint, /aws configure --profile plain \(/);
  assert.equal(keys.isRegular, false);
  const names = { kind: "env", accessKeyIdEnv: "ID", secretAccessKeyEnv: "KEY" } as const;
  assert.match((await signInOf(names, undefined, readEnv)).hint, /^Set ID and KEY where/);
});
