import assert from "node:assert/strict";
import { runLine } from "../../../tests/support/command_line.ts";
import { COMMANDS } from "./mod.ts";

async function stdoutOf(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runLine(args);
  assert.deepEqual([code, stderr], [0, ""]);
  return stdout;
}

/** What bash would be offered for the last word. */
async function offered(...line: string[]): Promise<string[]> {
  return (await stdoutOf("completions", "bash", "--", ...line)).trim().split("\n");
}

for (const shell of ["bash", "zsh", "fish", "pwsh"]) {
  Deno.test(`completions ${shell} prints a script that calls cloudmount back`, async () => {
    const script = await stdoutOf("completions", shell);
    assert.match(script, /cloudmount/);
    assert.match(script, new RegExp(`'?completions'?.*${shell}.*'?--'?`));
  });
}

Deno.test("The script is right for the shell that is here", async () => {
  const script = await stdoutOf("completions", "bash");
  const { success } = await new Deno.Command("bash", { args: ["-n", "-c", script] }).output();
  assert.ok(success);
});

Deno.test("The first word is completed to the commands", async () => {
  assert.deepEqual(await offered(""), COMMANDS.map(({ name }) => name));
  assert.deepEqual(await offered("ver"), ["version"]);
});

Deno.test("Subcommands and options of a command are offered", async () => {
  assert.deepEqual(await offered("config", ""), ["path", "init", "check", "show"]);
  assert.deepEqual(await offered("config", "check", "--"), ["--config", "--json", "--help"]);
  assert.deepEqual(await offered("completions", "f"), ["fish"]);
  assert.deepEqual(await offered("mounts", "set", "photos", "met"), ["metadata_ttl="]);
  assert.deepEqual(await offered("mounts", "add", "--mount-p"), ["--mount-point"]);
});

Deno.test("A line with --help in it is completed, not obeyed", async () => {
  assert.deepEqual(await offered("version", "--help", "--js"), ["--json"]);
});
