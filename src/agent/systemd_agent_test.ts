/** With a systemctl that the test plays; a real one is used in tests/agent. */
import assert from "node:assert/strict";
import { PROGRAM } from "../../tests/agent/agent_program.ts";
import { FakeTool } from "../../tests/support/fake_tool.ts";
import { AgentError } from "./agent.ts";
import { SystemdAgent } from "./systemd_agent.ts";

const TEMPLATE = await Deno.readTextFile(
  new URL("../../systemd/cloudmount.service", import.meta.url),
);
const signal = new AbortController().signal;

/** Its unit's state is in the file `state`; `units` is the folder it looks into. */
const SYSTEMCTL = `
case "$*" in
  *Version,UnitPath*) printf 'Version=252.38-1\\nUnitPath=/etc/systemd/user %s\\n' "$(cat "$dir/units")" ;;
  *show*LoadState*)
    load=loaded
    [ -e "$(cat "$dir/units")/cloudmount.service" ] || load=not-found
    state=$(cat "$dir/state" 2>/dev/null || echo inactive)
    printf 'LoadState=%s\\nLoadError=\\nActiveState=%s\\nMainPID=12\\nUnitFileState=enabled\\n' $load $state
    printf 'Result=exit-code\\nExecMainStatus=3\\n' ;;
  *disable*) echo inactive > "$dir/state" ;;
  *start*) echo active > "$dir/state" ;;
  *show-environment*) printf 'KNOWN=x=y\\nPATH=/bin\\n' ;;
esac
`;

interface Fixture extends AsyncDisposable {
  readonly tool: FakeTool;
  readonly agent: SystemdAgent;
  readonly unit: string;
}

async function fixture(runtimeDir: string | null = "/run/user/1000"): Promise<Fixture> {
  const tool = await FakeTool.create("systemctl", SYSTEMCTL);
  const unitDirectory = `${tool.directory}/units.d/user`;
  await tool.put("units", unitDirectory);
  return {
    tool,
    unit: `${unitDirectory}/cloudmount.service`,
    agent: new SystemdAgent({
      unitDirectory,
      template: TEMPLATE,
      uid: 1000,
      runtimeDir: runtimeDir ?? undefined,
    }),
    [Symbol.asyncDispose]: () => tool[Symbol.asyncDispose](),
  };
}

/** The calls that change something. */
const deeds = (calls: readonly string[]) =>
  calls.map((call) => call.replace("--user --no-pager ", ""))
    .filter((call) => !call.startsWith("show"));

Deno.test("systemd: install writes, enables and starts, and does nothing the second time", async () => {
  await using at = await fixture();
  assert.deepEqual(await at.agent.install(PROGRAM, { start: true }, signal), {
    path: at.unit,
    changed: true,
    daemon: "started",
  });
  assert.deepEqual(deeds(await at.tool.calls()), [
    "daemon-reload",
    "enable --quiet cloudmount.service",
    "start cloudmount.service",
  ]);
  const text = await Deno.readTextFile(at.unit);
  assert.match(text, /^ExecStart=\/usr\/local\/bin\/cloudmount run$/m);
  assert.equal((await at.agent.describe(PROGRAM, signal)).text, text);
  await at.tool.calls();

  const second = await at.agent.install(PROGRAM, { start: true }, signal);
  assert.deepEqual([second.changed, second.daemon], [false, "unchanged"]);
  assert.ok(!deeds(await at.tool.calls()).some((deed) => deed.includes("start")));
});

Deno.test("systemd: install of another build restarts the daemon, unless told not to", async () => {
  await using at = await fixture();
  await at.agent.install(PROGRAM, { start: true }, signal);
  const left = await at.agent.install({ ...PROGRAM, build: "1.1" }, { start: false }, signal);
  assert.deepEqual([left.changed, left.daemon], [true, "left"]);
  await at.tool.calls();
  const other = await at.agent.install({ ...PROGRAM, build: "1.2" }, { start: true }, signal);
  assert.deepEqual([other.changed, other.daemon], [true, "restarted"]);
  assert.ok(deeds(await at.tool.calls()).includes("restart cloudmount.service"));
});

Deno.test("systemd: a daemon that had failed too often is started at once", async () => {
  await using at = await fixture();
  await at.tool.put("state", "failed\n");
  await at.agent.install(PROGRAM, { start: true }, signal);
  const calls = deeds(await at.tool.calls());
  assert.deepEqual(calls.slice(-2), [
    "reset-failed cloudmount.service",
    "start cloudmount.service",
  ]);
});

Deno.test("systemd: a daemon that does not start is told with its exit code", async () => {
  await using at = await fixture();
  await at.tool.answer("start", "1 Job for cloudmount.service failed");
  await assert.rejects(at.agent.install(PROGRAM, { start: true }, signal), {
    name: "AgentError",
    message: "Cannot start the agent: it ended with code 3",
  });
});

Deno.test("systemd: uninstall stops, disables, removes and forgets, and is content with nothing", async () => {
  await using at = await fixture();
  assert.equal(await at.agent.uninstall(signal), false);
  await at.agent.install(PROGRAM, { start: true }, signal);
  await at.tool.calls();
  assert.equal(await at.agent.uninstall(signal), true);
  assert.deepEqual(deeds(await at.tool.calls()), [
    "disable --now --quiet cloudmount.service",
    "daemon-reload",
    "reset-failed cloudmount.service",
  ]);
  await assert.rejects(Deno.stat(at.unit), Deno.errors.NotFound);
});

Deno.test("systemd: the state is that of the unit", async () => {
  await using at = await fixture();
  assert.equal((await at.agent.state(signal)).installed, false);
  await at.agent.install(PROGRAM, { start: true }, signal);
  assert.deepEqual(await at.agent.state(signal), {
    path: at.unit,
    installed: true,
    enabled: true,
    running: true,
    pid: 12,
  });
  assert.deepEqual(await at.agent.missingVariables(["KNOWN", "OTHER"], signal), ["OTHER"]);
});

Deno.test("systemd: start starts what is installed, unless it runs", async () => {
  await using at = await fixture();
  const command = ["/cloudmount", "run", "--config", "/x.toml"];
  assert.equal(await at.agent.serves("/x.toml"), false);
  await at.agent.install({ ...PROGRAM, command }, { start: false }, signal);
  assert.equal(await at.agent.serves("/x.toml"), true);
  assert.equal(await at.agent.serves("/y.toml"), false);
  await at.tool.calls();
  await at.agent.start(signal);
  await at.agent.start(signal);
  assert.deepEqual(deeds(await at.tool.calls()), ["start cloudmount.service"]);
});

Deno.test("systemd: without a manager it says what to do, and still shows the unit", async () => {
  for (
    const [runtimeDir, hint] of [
      [null, /export XDG_RUNTIME_DIR=\/run\/user\/1000/],
      ["/run/user/1000", /enable-linger 1000.*dbus-user-session/],
    ] as const
  ) {
    await using at = await fixture(runtimeDir);
    const none = "1 Failed to connect to bus: No medium found";
    await at.tool.answer("show", none, none, none);
    await assert.rejects(at.agent.install(PROGRAM, { start: true }, signal), (error) => {
      assert.ok(error instanceof AgentError);
      assert.match(error.message, /^Cannot reach systemd.*: Failed to connect to bus/);
      assert.match(error.hint, hint);
      return true;
    });
    await assert.rejects(at.agent.uninstall(signal), AgentError);
    assert.match((await at.agent.describe(PROGRAM, signal)).text, /FileDescriptorStorePreserve/);
    await assert.rejects(Deno.stat(at.unit), Deno.errors.NotFound);
  }
});

Deno.test("systemd: a manager that looks elsewhere for units is told", async () => {
  await using at = await fixture();
  await at.tool.put("units", "/elsewhere");
  await assert.rejects(
    at.agent.install(PROGRAM, { start: true }, signal),
    /systemd does not look for units in/,
  );
});

Deno.test("systemd: a machine without it is told", async () => {
  await using at = await fixture();
  const path = Deno.env.get("PATH") ?? "";
  Deno.env.set("PATH", "/nowhere");
  try {
    await assert.rejects(at.agent.install(PROGRAM, { start: true }, signal), (error) => {
      return error instanceof AgentError && /does not run systemd/.test(error.hint);
    });
  } finally {
    Deno.env.set("PATH", path);
  }
});
