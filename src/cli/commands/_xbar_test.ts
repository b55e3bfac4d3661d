import assert from "node:assert/strict";
import { fakeReport } from "../../../tests/daemon/fake_backend.ts";
import { fakeStatus } from "../../../tests/daemon/fake_status.ts";
import { xbarMenu, xbarMenuWithout } from "./_xbar.ts";

const PROGRAM = { words: ["/opt/a b/cloudmount"], options: ["--config", "/c.toml"] };

Deno.test("The menu shows each mount with its actions", () => {
  const menu = xbarMenu(fakeStatus([fakeReport(2), { name: "docs", state: "stopped" }]), PROGRAM);
  const lines = menu.split("\n");
  assert.deepEqual(lines.slice(0, 3), [
    "☁ ↑2",
    "---",
    "photos: mounted, 2 not in S3 yet (20 B) | color=green",
  ]);
  const call = 'bash="/opt/a b/cloudmount"';
  const config = 'param3="--config" param4="/c.toml" terminal=false refresh=true';
  for (
    const line of [
      '--Open | bash=/usr/bin/open param1="/nowhere/photos" terminal=false',
      `--Unmount | ${call} param1="unmount" param2="photos" ${config}`,
      `--Flush | ${call} param1="flush" param2="photos" ${config}`,
      `--Mount | ${call} param1="mount" param2="docs" ${config}`,
      `Logs | ${call} param1="logs" param2="-f" param3="--config" param4="/c.toml" terminal=true`,
    ]
  ) assert.ok(lines.includes(line), `${line}\n${menu}`);
});

Deno.test("Texts of strangers can neither end a line, nor add parameters, nor separate", () => {
  const error = {
    message: "--- no | bash=/bin/evil\nterminal=true\u001b[31m",
    hint: "",
    since: "2026-11-01T00:00:00.000Z",
  };
  const menu = xbarMenu(
    fakeStatus([{ state: "failed", error, warnings: ["soon | over"], mount_point: '/a"b' }], [
      "x | y",
    ]),
    PROGRAM,
  );
  assert.ok(!menu.includes("| bash=/bin/evil") && !menu.includes("\u001b"));
  assert.ok(menu.includes("no ¦ bash=/bin/evil terminal=true"));
  assert.ok(menu.startsWith("☁! | color=red\n"));
  assert.ok(!menu.includes("Open"));
  assert.ok(menu.includes("x ¦ y | color=orange"));
  assert.ok(menu.includes("--soon ¦ over | color=orange"));
});

Deno.test("Without a daemon the menu says why, and starts one", () => {
  const menu = xbarMenuWithout("Cannot reach the daemon", PROGRAM);
  assert.match(
    menu,
    /^☁ \| color=gray\n---\nCannot reach the daemon \| color=gray\nStart Cloudmount/,
  );
});

Deno.test("The plugin asks the program for the menu, and says when it is not installed", async () => {
  const script = new URL("../../../launchd/cloudmount.10s.sh", import.meta.url).pathname;
  const home = await Deno.makeTempDir();
  const run = async () => {
    const env = { HOME: home, PATH: "/usr/bin:/bin" };
    const { code, stdout } = await new Deno.Command(script, { env, clearEnv: true }).output();
    return [code, new TextDecoder().decode(stdout)];
  };
  try {
    const [code, menu] = await run();
    assert.equal(code, 0);
    assert.match(String(menu), /^☁ \| color=gray\n---\nThe program cloudmount was not found/);
    await Deno.mkdir(`${home}/.local/bin`, { recursive: true });
    await Deno.writeTextFile(`${home}/.local/bin/cloudmount`, '#!/bin/sh\necho "$@"\n', {
      mode: 0o755,
    });
    assert.deepEqual(await run(), [0, "status --format xbar\n"]);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});
