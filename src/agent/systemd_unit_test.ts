import assert from "node:assert/strict";
import type { AgentProgram } from "./agent.ts";
import { runsConfig, systemdUnit } from "./systemd_unit.ts";

const TEMPLATE = await Deno.readTextFile(
  new URL("../../systemd/cloudmount.service", import.meta.url),
);
const PROGRAM: AgentProgram = {
  command: ["/usr/local/bin/cloudmount", "run", "--config", "/home/x/.config/cloudmount.toml"],
  build: "1.0 abc",
  environment: {},
};

const lineOf = (unit: string, key: string) =>
  unit.split("\n").filter((line) => line.startsWith(`${key}=`));

Deno.test("The unit runs the command, and tells the build", () => {
  const unit = systemdUnit(TEMPLATE, PROGRAM, 252);
  assert.deepEqual(lineOf(unit, "ExecStart"), [
    "ExecStart=/usr/local/bin/cloudmount run --config /home/x/.config/cloudmount.toml",
  ]);
  assert.match(unit, /^# Build: 1\.0 abc$/m);
  assert.doesNotMatch(unit, /@|\n\n\n/);
  assert.deepEqual(lineOf(unit, "Environment"), ["Environment=FDSTORE=512"]);
});

Deno.test("The unit keeps every word as it is", () => {
  const command = ["/opt/ä b/cloudmount", "100%", "$HOME", 'a"b', "c\\d", "e\nf", "", ";"];
  const environment = { AWS_PROFILE: "me", XDG_STATE_HOME: '/x y/$z/50%/"q"' };
  const unit = systemdUnit(TEMPLATE, { ...PROGRAM, command, environment }, 252);
  assert.deepEqual(lineOf(unit, "ExecStart"), [
    String.raw`ExecStart="/opt/ä b/cloudmount" 100%% "$$HOME" "a\"b" "c\\d" "e\x0af" "" ";"`,
  ]);
  assert.deepEqual(lineOf(unit, "Environment"), [
    "Environment=AWS_PROFILE=me",
    String.raw`Environment="XDG_STATE_HOME=/x y/$z/50%%/\"q\""`,
    "Environment=FDSTORE=512",
  ]);
});

Deno.test("The unit tells which config file it is for", () => {
  for (const path of ["/home/x/cloudmount.toml", '/a b/100%/$x/"c".toml']) {
    const unit = systemdUnit(TEMPLATE, { ...PROGRAM, command: ["/x", "run", "--config", path] }, 1);
    assert.equal(runsConfig(unit, path), true);
    assert.equal(runsConfig(unit, "/x.toml"), false);
    assert.equal(runsConfig(unit, path.slice(1)), false);
  }
  assert.equal(runsConfig("", "/x"), false);
});

Deno.test("The unit has only settings that the systemd at hand knows", () => {
  for (const [version, there] of [[252, 0], [254, 1], [undefined, 1]] as const) {
    const unit = systemdUnit(TEMPLATE, PROGRAM, version);
    assert.equal(lineOf(unit, "FileDescriptorStorePreserve").length, there, `of ${version}`);
  }
});

Deno.test("The unit has no sandbox that would hide the folders or break fusermount3", () => {
  const unit = systemdUnit(TEMPLATE, PROGRAM, undefined);
  const keys = unit.split("\n").flatMap((line) => /^(\w+)=/.exec(line)?.[1] ?? []);
  const hiding =
    /^(Private|Protect|ReadOnly|ReadWrite|Inaccessible|Bind|Temporary|Root|Mount|Restrict|NoNew|System[Cc]all|DynamicUser|Capabilit)/;
  assert.deepEqual(keys.filter((key) => hiding.test(key)), []);
});
