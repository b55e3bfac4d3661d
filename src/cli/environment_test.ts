import assert from "node:assert/strict";
import { readEnvironment } from "./environment.ts";

/** Reads the environment with these variables set (undefined: unset), then puts all back. */
function readWith(variables: Readonly<Record<string, string | undefined>>) {
  const before = Object.keys(variables).map((name) => [name, Deno.env.get(name)] as const);
  const set = (name: string, value: string | undefined) =>
    value === undefined ? Deno.env.delete(name) : Deno.env.set(name, value);
  try {
    for (const [name, value] of Object.entries(variables)) set(name, value);
    return readEnvironment();
  } finally {
    for (const [name, value] of before) set(name, value);
  }
}

Deno.test("Paths of the environment count only when they are absolute", () => {
  const environment = readWith({
    HOME: "/h",
    XDG_CONFIG_HOME: "relative",
    XDG_STATE_HOME: "",
    XDG_RUNTIME_DIR: "/run/user/1",
    CLOUDMOUNT_CONFIG: "",
  });
  assert.equal(environment.home, "/h");
  assert.equal(environment.xdgConfigHome, undefined);
  assert.equal(environment.xdgStateHome, undefined);
  assert.equal(environment.xdgRuntimeDir, "/run/user/1");
  assert.equal(environment.configFile, undefined);
});

Deno.test("CLOUDMOUNT_CONFIG may be relative", () => {
  const environment = readWith({ CLOUDMOUNT_CONFIG: "c.toml" });
  assert.equal(environment.configFile, "c.toml");
  assert.equal(environment.workingDirectory, Deno.cwd());
});

Deno.test("Any value of NO_COLOR, and a dumb terminal, mean no colours", () => {
  const noColor = (NO_COLOR: string | undefined, TERM: string) =>
    readWith({ NO_COLOR, TERM }).noColor;
  assert.deepEqual(
    [noColor("0", "xterm"), noColor("", "xterm"), noColor(undefined, "xterm"), noColor("", "dumb")],
    [true, false, false, true],
  );
});

Deno.test("Other variables are read by name", () => {
  const environment = readWith({});
  assert.equal(environment.variable("PATH"), Deno.env.get("PATH"));
  assert.equal(environment.variable("CLOUDMOUNT_NO_SUCH_VARIABLE"), undefined);
});
