/** The agent under a real `systemd --user` manager, from its installation to its removal. */
import assert from "node:assert/strict";
import type { Installed } from "../../src/agent/agent.ts";
import type { Finding } from "../../src/cli/doctor/finding.ts";
import type { StatusDocument } from "../../src/control/protocol.ts";
import { whyNoMount } from "../support/fuse_mounts.ts";
import { eventually, succeed } from "../support/mount_programs.ts";
import { UserManager } from "../support/user_manager.ts";
import { AgentRig, UNIT } from "./agent_rig.ts";

type InstallDocument = Installed & {
  readonly status: StatusDocument | null;
  readonly missing_variables: readonly string[];
};

/** A story that a user goes through, chapter by chapter. */
const CHAPTERS: readonly (readonly [title: string, play: (rig: AgentRig) => Promise<void>])[] = [
  ["--print shows the unit and touches nothing", async (rig) => {
    const { code, stdout } = await rig.cli("install-agent", "--print");
    assert.equal(code, 0);
    assert.match(stdout, new RegExp(`^ExecStart=${rig.executable} .*main.ts run --config `, "m"));
    await assert.rejects(Deno.stat(rig.unitPath), Deno.errors.NotFound);
    assert.equal(await rig.property("LoadState"), "not-found");
  }],
  ["--no-start waits for the next login", async (rig) => {
    const { changed, daemon } = await rig.json<InstallDocument>("install-agent", "--no-start");
    assert.deepEqual([changed, daemon], [true, "left"]);
    assert.equal(await rig.property("ActiveState"), "inactive");
    assert.equal(await rig.property("UnitFileState"), "enabled");
  }],
  ["systemd finds nothing wrong with the unit", async (rig) => {
    const { code, stderr } = await rig.manager.run("systemd-analyze", [
      ...["--user", "verify", rig.unitPath],
    ]);
    assert.deepEqual([code, stderr], [0, ""]);
  }],
  ["install starts it: ready when the folder is there", async (rig) => {
    await rig.bucket.put("hello.txt", "hello");
    const { daemon, status } = await rig.json<InstallDocument>("install-agent");
    assert.equal(daemon, "started");
    assert.equal(status?.mounts[0]?.state, "mounted");
    assert.equal(status?.pid, await rig.pid());
    assert.equal(await rig.property("ActiveState"), "active");
    assert.equal(await rig.property("StatusText"), "1 mount up, nothing waiting");
    assert.equal(await rig.read("hello.txt"), "hello");
  }],
  ["install again leaves the daemon alone", async (rig) => {
    const pid = await rig.pid();
    const { changed, daemon } = await rig.json<InstallDocument>("install-agent");
    assert.deepEqual([changed, daemon], [false, "unchanged"]);
    assert.equal(await rig.pid(), pid);
  }],
  ["doctor finds nothing wrong", async (rig) => {
    const { findings } = await rig.json<{ findings: readonly Finding[] }>("doctor");
    assert.deepEqual(findings.filter(({ status }) => status === "error"), []);
    const isFine = (name: string) =>
      findings.some(({ check, status }) => check === name && status === "ok");
    for (const check of ["agent", "daemon", "files", "bucket.delete"]) {
      assert.ok(isFine(check), check);
    }
    assert.deepEqual(await rig.bucket.keys(), ["hello.txt"]);
  }],
  ["reload reads the config file again and lets the daemon go on", async (rig) => {
    const pid = await rig.pid();
    assert.equal((await rig.manager.systemctl("reload", UNIT)).code, 0);
    await eventually("the log tells", async () => {
      return (await rig.lastWords()).includes("Read the config again");
    });
    assert.deepEqual([await rig.pid(), await rig.property("ActiveState")], [pid, "active"]);
  }],
  ["after kill -9 the folder goes on, and who uses it does not notice", async (rig) => {
    const pid = await rig.pid();
    await using user = rig.useFolder();
    await user.looks();
    const mount = await rig.mountId();
    await succeed("kill", ["-KILL", String(pid)]);
    await rig.replaced(pid);
    await user.looks();
    assert.equal(await rig.mountId(), mount);
    assert.equal(await rig.property("NRestarts"), "1");
    assert.equal(await rig.read("hello.txt"), "hello");
  }],
  ["a daemon that hangs is killed by the watchdog, and the folder is back", async (rig) => {
    const pid = await rig.pid();
    await succeed("kill", ["-STOP", String(pid)]);
    await rig.replaced(pid);
    assert.equal(await rig.property("NRestarts"), "2");
    assert.equal(await rig.read("hello.txt"), "hello");
  }],
  ["another build replaces the daemon, once", async (rig) => {
    const pid = await rig.pid();
    await using user = rig.useFolder();
    await user.looks();
    await rig.useBuild("two");
    const first = await rig.json<InstallDocument>("install-agent");
    assert.deepEqual([first.changed, first.daemon], [true, "restarted"]);
    assert.notEqual(first.status?.pid, pid);
    assert.equal(first.status?.pid, await rig.pid());
    await user.looks();
    assert.equal(await rig.read("hello.txt"), "hello");
    const second = await rig.json<InstallDocument>("install-agent");
    assert.deepEqual([second.changed, second.daemon], [false, "unchanged"]);
    assert.equal(second.status?.pid, first.status?.pid);
  }],
  ["stop finishes the uploads and unmounts", async (rig) => {
    await succeed("sh", ["-c", 'echo written > "$0"', `${rig.mountPoint}/new.txt`]);
    await rig.manager.systemctl("stop", UNIT);
    assert.equal(await rig.property("Result"), "success");
    assert.equal(await rig.isMounted(), false);
    assert.equal(await rig.bucket.text("new.txt"), "written\n");
  }],
  ["start and restart go by the agent", async (rig) => {
    const started = await rig.json<StatusDocument>("start");
    assert.equal(started.pid, await rig.pid());
    const mount = await rig.mountId();
    const restarted = await rig.json<StatusDocument>("restart");
    assert.equal(await rig.mountId(), mount);
    assert.notEqual(restarted.pid, started.pid);
    assert.equal(restarted.pid, await rig.pid());
    assert.equal((await rig.cli("stop")).code, 0);
    assert.equal(await rig.property("ActiveState"), "inactive");
  }],
  ["a daemon that was started by hand makes room for the agent's", async (rig) => {
    await rig.cli("uninstall-agent");
    const byHand = await rig.json<StatusDocument>("start");
    const { daemon, status } = await rig.json<InstallDocument>("install-agent");
    assert.equal(daemon, "started");
    assert.notEqual(status?.pid, byHand.pid);
    assert.equal(status?.pid, await rig.pid());
  }],
  ["a crash loop ends, and install begins anew", async (rig) => {
    await eventually("it has failed", async () => {
      const pid = await rig.pid();
      if (pid > 0) await succeed("kill", ["-KILL", String(pid)]);
      return await rig.property("ActiveState") === "failed";
    }, 60);
    const { daemon } = await rig.json<InstallDocument>("install-agent");
    assert.equal(daemon, "started");
    assert.equal(await rig.read("hello.txt"), "hello");
  }],
  ["uninstall leaves nothing behind", async (rig) => {
    const { code, stdout } = await rig.cli("uninstall-agent");
    assert.deepEqual([code, stdout], [0, "The agent is removed; the folders are unmounted\n"]);
    assert.equal(await rig.isMounted(), false);
    await Deno.remove(`${rig.unitPath}.d`, { recursive: true }); // The test's own.
    await rig.manager.systemctl("daemon-reload");
    const left = await succeed("find", [
      `${rig.manager.home}/.config/systemd/user`,
      "!",
      "-type",
      "d",
    ]);
    assert.equal(left, "");
    const { stdout: units } = await rig.manager.systemctl("list-units", "--all", "cloudmount*");
    assert.match(units, /^0 loaded units/m);
    assert.equal((await rig.cli("status")).code, 4);
  }],
  ["uninstall is content with nothing", async (rig) => {
    const { code, stdout } = await rig.cli("uninstall-agent");
    assert.deepEqual([code, stdout], [0, "There is no agent\n"]);
  }],
];

Deno.test("The agent serves its user from installation to removal", async (t) => {
  const manager = whyNoMount() ?? await UserManager.start();
  if (typeof manager === "string") {
    Deno.stderr.writeSync(new TextEncoder().encode(`skipped: ${t.name}: ${manager}\n`));
    return;
  }
  await using _manager = manager;
  await using rig = await AgentRig.create(manager);
  for (const [title, play] of CHAPTERS) {
    const passed = await t.step(title, async () => {
      try {
        await play(rig);
      } catch (error) {
        throw new Error(`Failed; the daemon's last words:\n${await rig.lastWords()}`, {
          cause: error,
        });
      }
    });
    if (!passed) break;
  }
});
