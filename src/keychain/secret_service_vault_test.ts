import assert from "node:assert/strict";
import { FakeTool, SECRET_TOOL } from "../../tests/support/fake_tool.ts";
import { SecretServiceVault } from "./secret_service_vault.ts";
import { KeychainError } from "./vault.ts";

const calm = new AbortController().signal;

Deno.test("The keyring gives back what it was given, and no secret is an argument", async () => {
  await using tool = await FakeTool.create("secret-tool", SECRET_TOOL);
  const vault = new SecretServiceVault();
  const sealed = await vault.seal("my work", "c2VjcmV0", calm);
  assert.equal(sealed, "");
  assert.equal(await vault.open("my work", sealed, calm), "c2VjcmV0");
  await vault.remove("my work", sealed, calm);
  await vault.remove("my work", sealed, calm);
  assert.equal(await vault.open("my work", sealed, calm), undefined);
  const calls = await tool.calls();
  assert.equal(calls[0], "store --label=Cloudmount: my work service cloudmount account my work");
  assert.equal(calls.join("\n").includes("c2VjcmV0"), false);
});

Deno.test("A keyring that does not answer is told, with what to do", async () => {
  const vault = new SecretServiceVault();
  {
    await using tool = await FakeTool.create("secret-tool", SECRET_TOOL);
    const away = "1 secret-tool: Cannot autolaunch D-Bus without X11 $DISPLAY";
    for (const verb of ["store", "lookup", "clear"]) await tool.answer(verb, away);
    for (
      const call of [
        () => vault.seal("a", "b", calm),
        () => vault.open("a", "", calm),
        () => vault.remove("a", "", calm),
      ]
    ) {
      await assert.rejects(call, (error) => {
        assert.ok(error instanceof KeychainError);
        assert.match(error.message, /^Cannot .*autolaunch D-Bus/);
        assert.match(error.hint, /Log in at the desktop/);
        return true;
      });
    }
  }
  const path = Deno.env.get("PATH")!;
  try {
    Deno.env.set("PATH", "/nowhere");
    await assert.rejects(vault.seal("a", "b", calm), (error) => {
      assert.ok(error instanceof KeychainError);
      assert.match(error.hint, /apt install libsecret-tools/);
      return true;
    });
  } finally {
    Deno.env.set("PATH", path);
  }
});
