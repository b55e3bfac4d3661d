import assert from "node:assert/strict";
import { FakeTool } from "../../tests/support/fake_tool.ts";
import { MacosVault } from "./macos_vault.ts";
import { KeychainError } from "./vault.ts";

const calm = new AbortController().signal;

/** Keeps each item in a file named by its account; reads lines of at most 4096 bytes. */
const SECURITY = `
keep() {
  shift
  while [ $# -gt 0 ]; do
    case $1 in
      -a) account=$2; shift 2;;
      -w) secret=$2; shift 2;;
      -s|-l) shift 2;;
      *) shift;;
    esac
  done
  printf %s "$secret" > "$dir/item-$account"
}
if [ "$1" = -i ]; then
  while read -r line; do
    if [ \${#line} -ge 4096 ]; then echo "line too long" >&2; exit 1; fi
    if [ -e "$dir/locked" ]; then echo "add-generic-password: returned 36" >&2; exit 0; fi
    eval "keep $line"
  done
  exit 0
fi
item="$dir/item-$5"
[ -e "$item" ] || { echo "could not be found" >&2; exit 44; }
case $verb in
  find-generic-password) cat "$item"; echo;;
  delete-generic-password) rm "$item";;
esac
`;

Deno.test("The keychain gives back what it was given, and no secret is an argument", async () => {
  await using security = await FakeTool.create("security", SECURITY);
  const vault = new MacosVault(`${security.directory}/security`);
  const profile = 'my "work" \\ (x)';
  for (const secret of ["c2VjcmV0", "Zm9v".repeat(2500)]) {
    const sealed = await vault.seal(profile, secret, calm);
    assert.equal(sealed, secret.length < 3000 ? "1" : "4");
    assert.equal(await vault.open(profile, sealed, calm), secret);
    const calls = (await security.calls()).join("\n");
    assert.match(calls, /^-i$/m);
    assert.equal(calls.includes(secret.slice(0, 8)), false);
    await vault.remove(profile, sealed, calm);
    await vault.remove(profile, sealed, calm);
    assert.equal(await vault.open(profile, sealed, calm), undefined);
  }
});

Deno.test("A locked keychain is told with the command that unlocks it", async () => {
  await using security = await FakeTool.create("security", SECURITY);
  const vault = new MacosVault(`${security.directory}/security`);
  const isLocked = (error: unknown) =>
    error instanceof KeychainError && /unlock-keychain/.test(error.hint);
  await security.put("locked");
  await assert.rejects(vault.seal("a", "c2VjcmV0", calm), isLocked);
  await security.put("item-a", "x");
  await security.answer("find-generic-password", "36 User interaction is not allowed.");
  await assert.rejects(vault.open("a", "1", calm), isLocked);
  await security.answer("delete-generic-password", "1 odd");
  await assert.rejects(vault.remove("a", "1", calm), /Cannot delete from the keychain: odd/);
  await assert.rejects(new MacosVault("/no/security").seal("a", "b", calm), KeychainError);
});
