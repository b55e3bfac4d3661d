import assert from "node:assert/strict";
import { fakeStatus } from "../../../tests/daemon/fake_status.ts";
import { AgentError, type AgentState } from "../../agent/agent.ts";
import type { StatusDocument } from "../../control/protocol.ts";
import { checkAgent, checkDaemon } from "./check_daemon.ts";

const shown = (status: StatusDocument | undefined) =>
  checkDaemon(status).map(({ check, status }) => `${check}: ${status}`);

Deno.test("The daemon's own words on its mounts and its journal are findings", () => {
  assert.deepEqual(shown(undefined), ["daemon: warning"]);
  assert.deepEqual(shown(fakeStatus([{}])), ["daemon: ok", "journal: ok", "mount: ok"]);
  const error = { message: "no such bucket", hint: "", since: "" };
  assert.deepEqual(shown(fakeStatus([{ state: "failed", error }], ["damaged"])), [
    ...["daemon: ok", "journal: warning", "mount.failed: error"],
  ]);
  const conflicts = [{ path: "a", copy: null, at: "" }];
  assert.deepEqual(shown(fakeStatus([{ conflicts, lost_and_found: ["x"] }])).slice(3), [
    ...["mount.conflicts: warning", "mount.lost_and_found: warning"],
  ]);
});

Deno.test("An agent that would not start the daemon is worth a warning", () => {
  const good: AgentState = { path: "/u", installed: true, enabled: true, running: true, pid: 1 };
  const of = (more: Partial<AgentState>, runs = true, lingering?: boolean) =>
    checkAgent({ ...good, ...more }, runs, lingering).map(({ check, status }) =>
      `${check}: ${status}`
    );
  assert.deepEqual(of({}), ["agent: ok"]);
  assert.deepEqual(of({}, true, false), ["agent: ok", "agent.linger: warning"]);
  assert.deepEqual(of({ installed: false }, true, false), ["agent: warning"]);
  for (const more of [{ enabled: false }, { running: false }]) {
    assert.deepEqual(of(more), ["agent: warning"]);
  }
  const [none] = checkAgent(new AgentError("no manager", "start one"), false, undefined);
  assert.deepEqual([none?.message, none?.fix], ["no manager", "start one"]);
});
