import assert from "node:assert/strict";
import { FakeTool } from "../../tests/support/fake_tool.ts";
import { SystemdCredsVault } from "./systemd_creds_vault.ts";
import { KeychainError } from "./vault.ts";

const calm = new AbortController().signal;

/** Turns the text round, in lines as systemd-creds writes them. */
const SYSTEMD_CREDS = `
case $verb in
  encrypt) rev | fold -w 4; echo;;
  decrypt) rev;;
esac
`;

Deno.test("systemd-creds gets the secret on its input only, and gives it back", async () => {
  await using tool = await FakeTool.create("systemd-creds", SYSTEMD_CREDS);
  const vault = new SystemdCredsVault();
  const sealed = await vault.seal("work", "c2VjcmV0", calm);
  assert.equal(sealed, "0VmcjV2c");
  assert.equal(await vault.open("work", sealed, calm), "c2VjcmV0");
  assert.deepEqual(await tool.calls(), [
    "--user encrypt --name=cloudmount - -",
    "--user decrypt --name=cloudmount - -",
  ]);
});

Deno.test("An older systemd is told by its own words", async () => {
  await using tool = await FakeTool.create("systemd-creds", SYSTEMD_CREDS);
  await tool.answer("encrypt", "1 systemd-creds: unrecognized option '--user'");
  await assert.rejects(new SystemdCredsVault().seal("work", "c2VjcmV0", calm), (error) => {
    assert.ok(error instanceof KeychainError);
    assert.match(error.message, /Cannot encrypt with systemd-creds: .*unrecognized option/);
    return true;
  });
});
