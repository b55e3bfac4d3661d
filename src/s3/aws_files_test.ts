import assert from "node:assert/strict";
import { awsFilesState, profileKind } from "./aws_files.ts";

async function withHome(
  test: (home: string, readEnv: (name: string) => string | undefined) => Promise<void>,
): Promise<void> {
  const home = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${home}/.aws`);
    await test(home, (name) => name === "HOME" ? home : undefined);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

Deno.test("awsFilesState is another one after a sign-in, and after new keys", async () => {
  await withHome(async (home, readEnv) => {
    const states = [await awsFilesState(readEnv)];
    await Deno.mkdir(`${home}/.aws/sso/cache`, { recursive: true });
    const token = `${home}/.aws/sso/cache/token.json`;
    await Deno.writeTextFile(token, "{}");
    states.push(await awsFilesState(readEnv));
    // Written in place, as the AWS command line does: the directory's own time stays.
    await Deno.writeTextFile(token, "{ }");
    states.push(await awsFilesState(readEnv));
    await Deno.writeTextFile(`${home}/.aws/credentials`, "[default]");
    states.push(await awsFilesState(readEnv));
    assert.equal(new Set(states).size, states.length);
    assert.equal(await awsFilesState(readEnv), states.at(-1));
  });
});

Deno.test("profileKind tells how a profile signs in", async () => {
  await withHome(async (home, readEnv) => {
    await Deno.writeTextFile(
      `${home}/.aws/config`,
      `[default]
region = eu-west-1
[profile work]
sso_session = corp
[sso-session corp]
sso_start_url = https://example.com
[ profile "old" ]
sso_start_url = https://example.com
[profile person]
login_session = arn:aws:iam::1:user/person
[profile tool]
credential_process = /bin/tool
`,
    );
    const kinds = ["default", "work", "old", "person", "tool", "corp", "missing"]
      .map((profile) => profileKind(profile, readEnv));
    assert.deepEqual(await Promise.all(kinds), [
      "keys",
      "sso",
      "sso",
      "login",
      "process",
      "keys",
      "keys",
    ]);
  });
});
