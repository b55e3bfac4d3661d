/** The demo as its own acceptance test, and what it leaves behind. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { whyNoMounts } from "./daemon_rig.ts";

const MAIN = fileURLToPath(new URL("../../main.ts", import.meta.url));
const reason = whyNoMounts();
// deno-lint-ignore no-console -- a skipped test says why
if (reason !== undefined) console.log(`Skipping the tests of the demo: ${reason}`);

function demo(temporary: string, ...flags: string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", MAIN, "demo", ...flags],
    env: { TMPDIR: temporary, NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

async function isEmpty(directory: string): Promise<boolean> {
  for await (const _ of Deno.readDir(directory)) return false;
  return true;
}

Deno.test({
  name: "demo --check holds on this machine and leaves nothing behind",
  ignore: reason !== undefined,
  fn: async () => {
    const temporary = await Deno.makeTempDir();
    const { code, stdout, stderr } = await demo(temporary, "--check", "--json").output();
    const said = new TextDecoder();
    assert.equal(code, 0, said.decode(stderr));
    const { ok, steps } = JSON.parse(said.decode(stdout));
    assert.equal(ok, true);
    assert.ok(steps.length > 10);
    assert.ok(await isEmpty(temporary));
    await Deno.remove(temporary);
  },
});

Deno.test({
  name: "demo removes everything when its terminal is closed",
  ignore: reason !== undefined,
  fn: async () => {
    const temporary = await Deno.makeTempDir();
    const child = demo(temporary);
    let text = "";
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    while (!text.includes("Press Ctrl-C")) {
      const { value, done } = await reader.read();
      assert.ok(!done, text);
      text += value;
    }
    const folder = /^ +(\/.*\/documents)$/m.exec(text)![1]!;
    assert.match(await Deno.readTextFile(`${folder}/Read me first.txt`), /bucket/);
    child.kill("SIGHUP");
    assert.equal((await child.status).code, 0);
    await reader.cancel();
    await child.stderr.cancel();
    assert.ok(await isEmpty(temporary));
    await Deno.remove(temporary);
  },
});
