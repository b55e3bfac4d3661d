import assert from "node:assert/strict";
import { fakeMountConfig } from "../../tests/daemon/fake_backend.ts";
import { FileVault } from "../keychain/file_vault.ts";
import { Keychain } from "../keychain/keychain.ts";
import { CredentialsError } from "../s3/credentials.ts";
import { credentialsOptions } from "./credentials.ts";

const calm = new AbortController().signal;

Deno.test("A mount of the keychain has the keys of its profile, and notices others", async () => {
  const directory = await Deno.makeTempDir({ prefix: "cloudmount-keychain-" });
  try {
    const keychain = new Keychain(directory, [new FileVault()]);
    const of = (profile?: string) => {
      const options = credentialsOptions(
        fakeMountConfig("photos", {
          credentials: { kind: "keychain" },
          ...(profile === undefined ? {} : { profile }),
        }),
        keychain,
      );
      assert.equal(options.kind, "given");
      return options.kind === "given" ? options : assert.fail();
    };
    const keys = { accessKeyId: "id", secretAccessKey: "secret" };
    await keychain.set("default", keys, calm);
    assert.deepEqual(await of().load(), keys);
    const work = of("work");
    assert.equal(work.hint, "Run: cloudmount credentials set work");
    await assert.rejects(work.load(), CredentialsError);
    const before = await work.state();
    await keychain.set("work", { ...keys, sessionToken: "t" }, calm);
    assert.notEqual(await work.state(), before);
    assert.equal((await work.load()).sessionToken, "t");
    await assert.rejects(of("no/profile").load(), (error) => {
      assert.ok(error instanceof CredentialsError);
      assert.match(error.message, /no\/profile/);
      return true;
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("Other sources are handed on as they are", () => {
  const mount = fakeMountConfig("photos", { credentials: { kind: "anonymous" } });
  assert.deepEqual(credentialsOptions(mount, new Keychain("/nowhere", [])), { kind: "anonymous" });
});
