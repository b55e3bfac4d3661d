import assert from "node:assert/strict";
import { PROGRAM } from "../../tests/agent/agent_program.ts";
import { FakeClock } from "../../tests/support/fake_clock.ts";
import { FakeTool } from "../../tests/support/fake_tool.ts";
import { AgentError } from "./agent.ts";
import { LaunchdAgent } from "./launchd_agent.ts";

const TEMPLATE = await Deno.readTextFile(
  new URL("../../launchd/cloudmount.plist", import.meta.url),
);
const signal = new AbortController().signal;

/** Keeps the services in files `loaded-DOMAIN_UID_LABEL`. */
const LAUNCHCTL = `
key=$(echo "$2" | tr / _)
loaded="$dir/loaded-$key"
case $verb in
  print)
    [ -e "$loaded" ] || { echo "Could not find service" >&2; exit 113; }
    printf '%s = {\\n\\tstate = running\\n\\tpid = 4711\\n\\tlast exit code = 0\\n}\\n' "$2" ;;
  bootstrap)
    [ ! -e "$dir/no-$key" ] || { echo "Domain does not support specified action" >&2; exit 125; }
    : > "$loaded"_cloudmount ;;
  bootout) rm "$loaded" 2>/dev/null || exit 3 ;;
  kickstart) [ -e "$loaded" ] || exit 113 ;;
  getenv) [ ! -e "$dir/env-$2" ] || echo set ;;
esac
`;

interface Fixture extends AsyncDisposable {
  readonly tool: FakeTool;
  readonly agent: LaunchdAgent;
  readonly plist: string;
  readonly home: string;
}

async function fixture(): Promise<Fixture> {
  const tool = await FakeTool.create("launchctl", LAUNCHCTL);
  const home = await Deno.makeTempDir();
  const clock = new FakeClock();
  clock.isHasty = true;
  return {
    tool,
    home,
    plist: `${home}/Library/LaunchAgents/cloudmount.plist`,
    agent: new LaunchdAgent({
      directory: `${home}/Library/LaunchAgents`,
      template: TEMPLATE,
      uid: 501,
      outputPath: `${home}/Library/Logs/cloudmount/agent.log`,
      clock,
    }),
    [Symbol.asyncDispose]: async () => {
      await tool[Symbol.asyncDispose]();
      await Deno.remove(home, { recursive: true });
    },
  };
}

const verbs = (calls: readonly string[]) =>
  calls.filter((call) => !call.startsWith("print ")).map((call) => call.replace(/ \/.*/, ""));

Deno.test("launchd: install loads and starts the agent, and does nothing the second time", async () => {
  await using at = await fixture();
  const first = await at.agent.install(PROGRAM, { start: true }, signal);
  assert.deepEqual(first, { path: at.plist, changed: true, daemon: "started" });
  assert.deepEqual(verbs(await at.tool.calls()), [
    "enable gui/501/cloudmount",
    "bootstrap gui/501",
    "kickstart gui/501/cloudmount",
  ]);
  assert.equal((await Deno.stat(at.plist)).mode! & 0o777, 0o644);
  assert.ok((await Deno.stat(`${at.home}/Library/Logs/cloudmount`)).isDirectory);
  const { running, pid } = await at.agent.state(signal);
  assert.deepEqual([running, pid], [true, 4711]);
  await at.tool.calls();

  const second = await at.agent.install(PROGRAM, { start: true }, signal);
  assert.deepEqual(second, { path: at.plist, changed: false, daemon: "unchanged" });
  assert.deepEqual(verbs(await at.tool.calls()), []);
});

Deno.test("launchd: install of another build replaces the daemon once", async () => {
  await using at = await fixture();
  await at.agent.install(PROGRAM, { start: true }, signal);
  await at.tool.calls();
  const other = { ...PROGRAM, build: "1.1 def" };
  const third = await at.agent.install(other, { start: true }, signal);
  assert.deepEqual([third.changed, third.daemon], [true, "restarted"]);
  assert.deepEqual(verbs(await at.tool.calls()), [
    "bootout gui/501/cloudmount",
    "enable gui/501/cloudmount",
    "bootstrap gui/501",
    "kickstart gui/501/cloudmount",
  ]);
  const { daemon } = await at.agent.install(other, { start: true }, signal);
  assert.equal(daemon, "unchanged");
});

Deno.test("launchd: install has the file checked before it is loaded", async () => {
  await using at = await fixture();
  await using plutil = await FakeTool.create("plutil", 'echo "$2: Invalid character" >&2; exit 1');
  await assert.rejects(
    at.agent.install(PROGRAM, { start: true }, signal),
    (error) => error instanceof AgentError && /Invalid character/.test(error.message),
  );
  assert.deepEqual(await plutil.calls(), [`-lint ${at.plist}`]);
  assert.deepEqual(verbs(await at.tool.calls()), []);
});

Deno.test("launchd: --no-start writes the file for the next login", async () => {
  await using at = await fixture();
  const { daemon } = await at.agent.install(PROGRAM, { start: false }, signal);
  assert.equal(daemon, "left");
  assert.deepEqual(verbs(await at.tool.calls()), []);
  assert.deepEqual(await at.agent.state(signal), {
    path: at.plist,
    installed: true,
    enabled: true,
    running: false,
    pid: null,
  });
});

Deno.test("launchd: without a graphical login the agent goes to the user's own domain", async () => {
  await using at = await fixture();
  await at.tool.put("no-gui_501");
  await at.agent.install(PROGRAM, { start: true }, signal);
  assert.ok(await at.tool.has("loaded-user_501_cloudmount"));
  assert.equal((await at.agent.state(signal)).running, true);
  assert.equal(await at.agent.uninstall(signal), true);
  assert.equal(await at.tool.has("loaded-user_501_cloudmount"), false);
});

Deno.test("launchd: the catch-all error gets a second attempt, and then advice", async () => {
  await using at = await fixture();
  await at.tool.answer("bootstrap", "5 Bootstrap failed: 5: Input/output error");
  const { daemon } = await at.agent.install(PROGRAM, { start: true }, signal);
  assert.equal(daemon, "started");
  await at.agent.uninstall(signal);
  await at.tool.answer("bootstrap", "5 Input/output error", "5 Input/output error");
  await assert.rejects(at.agent.install(PROGRAM, { start: true }, signal), (error) => {
    assert.ok(error instanceof AgentError);
    assert.match(error.message, /^Cannot run "launchctl bootstrap gui\/501 .*Input\/output error/);
    assert.match(error.hint, /Login Items.*plutil -lint/);
    return true;
  });
});

Deno.test("launchd: each exit code of bootstrap means what launchctl means by it", async () => {
  await using at = await fixture();
  const install = () => at.agent.install(PROGRAM, { start: true }, signal);
  await at.tool.answer("bootstrap", "37 Operation already in progress");
  await at.tool.answer("kickstart", "0 started");
  assert.equal((await install()).daemon, "started", "37 is as good as loaded");
  await at.agent.uninstall(signal);
  const advice: readonly (readonly [string, RegExp])[] = [
    ["119 Service is disabled", /switched off/],
    ["122 Path had bad ownership/permissions", /chmod 644/],
    ["134 Service cannot load in requested session", /session/],
    ["99 whatever", /launchctl error 99/],
  ];
  for (const [answer, hint] of advice) {
    await at.tool.answer("bootstrap", answer);
    await assert.rejects(install(), (error) => {
      return error instanceof AgentError && hint.test(error.hint);
    }, answer);
  }
  await at.tool.answer("bootstrap", "125 no domain", "112 Could not find specified domain");
  await assert.rejects(install(), (error) => {
    return error instanceof AgentError && /log in/.test(error.hint);
  });
});

Deno.test("launchd: uninstall waits until the agent is gone, and is content with nothing", async () => {
  await using at = await fixture();
  assert.equal(await at.agent.uninstall(signal), false);
  await at.agent.install(PROGRAM, { start: true }, signal);
  await at.tool.calls();
  await at.tool.answer("bootout", "36 Operation now in progress");
  await assert.rejects(at.agent.uninstall(signal), /launchd still has it after 70 s/);
  const polls = (await at.tool.calls()).filter((call) => call === "print gui/501/cloudmount");
  assert.ok(polls.length > 100, `${polls.length} polls`);
  await at.tool.answer("bootout", "-");
  assert.equal(await at.agent.uninstall(signal), true);
  await assert.rejects(Deno.stat(at.plist), Deno.errors.NotFound);
  assert.equal((await at.agent.state(signal)).installed, false);
});

Deno.test("launchd: start loads what is installed, unless it runs", async () => {
  await using at = await fixture();
  const command = ["/cloudmount", "run", "--config", "/x.toml"];
  assert.equal(await at.agent.serves("/x.toml"), false);
  await at.agent.install({ ...PROGRAM, command }, { start: false }, signal);
  assert.equal(await at.agent.serves("/x.toml"), true);
  assert.equal(await at.agent.serves("/y.toml"), false);
  await at.agent.start(signal);
  assert.equal((await at.agent.state(signal)).running, true);
  await at.tool.calls();
  await at.agent.start(signal);
  assert.deepEqual(verbs(await at.tool.calls()), []);
});

Deno.test("launchd: variables that a login does not set are missing", async () => {
  await using at = await fixture();
  await at.tool.put("env-KNOWN");
  assert.deepEqual(await at.agent.missingVariables(["KNOWN", "OTHER"], signal), ["OTHER"]);
});
