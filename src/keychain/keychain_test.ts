import assert from "node:assert/strict";
import { FakeTool } from "../../tests/support/fake_tool.ts";
import { withDirectory } from "../../tests/support/temp_directory.ts";
import { FileVault } from "./file_vault.ts";
import { Keychain } from "./keychain.ts";
import { openKeychain } from "./open_keychain.ts";
import { KeychainError, type Vault } from "./vault.ts";

const calm = new AbortController().signal;
const KEYS = { accessKeyId: "AKIAABCDEFGHWXYZ", secretAccessKey: "very/secret+key" };

class MemoryVault implements Vault {
  readonly name = "secret-service";
  readonly place = "memory";
  readonly items = new Map<string, string>();
  isAway = false;

  seal(profile: string, secret: string): Promise<string> {
    if (this.isAway) return Promise.reject(new KeychainError("Cannot write: away", ""));
    this.items.set(profile, secret);
    return Promise.resolve("");
  }

  open(profile: string): Promise<string | undefined> {
    if (this.isAway) return Promise.reject(new KeychainError("Cannot read: away", ""));
    return Promise.resolve(this.items.get(profile));
  }

  remove(profile: string): Promise<void> {
    this.items.delete(profile);
    return Promise.resolve();
  }
}

const withCredentials = (use: (directory: string) => Promise<void>) =>
  withDirectory((directory) => use(`${directory}/credentials`));

Deno.test("Keys are kept by profile, listed without secrets, and removed", async () => {
  await withCredentials(async (directory) => {
    const vault = new MemoryVault();
    const keychain = new Keychain(directory, [vault, new FileVault()]);
    assert.equal(await keychain.read("work", calm), undefined);
    assert.deepEqual(await keychain.list(), []);
    const states = [await keychain.state("work")];
    assert.equal((await keychain.set("work", KEYS, calm)).vault, vault);
    states.push(await keychain.state("work"));
    assert.equal(await keychain.state("work"), states[1]);
    await keychain.set("Work", { ...KEYS, sessionToken: "t" }, calm);
    assert.deepEqual(await keychain.read("work", calm), KEYS);
    const listed = await keychain.list();
    assert.deepEqual(
      listed.map((entry) => [entry.profile, entry.accessKeyIdEnd, entry.hasSessionToken]),
      [["Work", "WXYZ", true], ["work", "WXYZ", false]],
    );
    assert.doesNotMatch(JSON.stringify(listed), /secret\+key|ABCDEFGH/);
    await keychain.set("work", KEYS, calm);
    states.push(await keychain.state("work"));
    assert.equal(new Set(states).size, 3);
    assert.equal(await keychain.remove("work", calm), true);
    assert.equal(await keychain.state("work"), states[0]);
    assert.equal(await keychain.remove("work", calm), false);
    assert.deepEqual([...vault.items.keys()], ["Work"]);
    for (const wrong of ["", "-x", "a/b", "a\nb", "x".repeat(65)]) {
      await assert.rejects(keychain.read(wrong, calm), KeychainError, wrong);
    }
  });
});

Deno.test("A vault that fails is passed over, and what it held before is forgotten there", async () => {
  await withCredentials(async (directory) => {
    const vault = new MemoryVault();
    const keychain = new Keychain(directory, [vault, new FileVault()]);
    await keychain.set("work", KEYS, calm);
    vault.isAway = true;
    const { vault: used, passedOver } = await keychain.set("work", KEYS, calm);
    assert.deepEqual([used.name, passedOver], ["file", ["Cannot write: away"]]);
    assert.equal(vault.items.size, 0);
    assert.deepEqual(await keychain.read("work", calm), KEYS);
    await assert.rejects(new Keychain(directory, [vault]).read("work", calm), /"file" is not on/);
  });
});

Deno.test("The file is its owner's alone, and damage to it is told", async () => {
  await withCredentials(async (directory) => {
    const keychain = new Keychain(directory, [new FileVault()]);
    await keychain.set("My Work", KEYS, calm);
    const path = `${directory}/%4dy%20%57ork.json`;
    assert.equal((await Deno.stat(path)).mode! & 0o777, 0o600);
    assert.equal((await Deno.stat(directory)).mode! & 0o777, 0o700);
    assert.deepEqual([...Deno.readDirSync(directory)].map(({ name }) => name), [
      "%4dy%20%57ork.json",
    ]);
    const text = await Deno.readTextFile(path);
    await Deno.writeTextFile(path, text.replace(/"sealed":"..../, '"sealed":"****'));
    await assert.rejects(keychain.read("My Work", calm), /damaged/);
    await Deno.writeTextFile(path, text.slice(0, 20));
    await assert.rejects(keychain.read("My Work", calm), /damaged/);
  });
});

Deno.test("Without keyring and without a new systemd, Linux keeps them in the file", async () => {
  await withCredentials(async (directory) => {
    await using secretTool = await FakeTool.create("secret-tool", "exit 1");
    await using systemdCreds = await FakeTool.create("systemd-creds", "echo old >&2; exit 1");
    const keychain = openKeychain(`${directory}/..`, "linux");
    const { vault, passedOver } = await keychain.set("default", KEYS, calm);
    assert.deepEqual([vault.name, passedOver.length], ["file", 2]);
    assert.match(vault.note!, /not encrypted|have it encrypted/);
    assert.deepEqual(await keychain.read("default", calm), KEYS);
    const calls = [...await secretTool.calls(), ...await systemdCreds.calls()];
    assert.equal(calls.length, 2);
  });
});
