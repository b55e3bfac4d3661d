import assert from "node:assert/strict";
import { runLine, userEnvironment } from "../../../tests/support/command_line.ts";
import { FakeTool } from "../../../tests/support/fake_tool.ts";
import { withDirectory } from "../../../tests/support/temp_directory.ts";

/** Runs a command line as a user of `os` whose home is `home`. */
const runFor = (os: "linux" | "darwin", home: string, ...args: readonly string[]) =>
  runLine(args, { environment: userEnvironment(home, { os }) });

Deno.test("install-agent --print shows the file of the system at hand, and writes nothing", async () => {
  await withDirectory(async (home) => {
    const linux = await runFor("linux", home, "install-agent", "--print");
    assert.equal(linux.code, 0, linux.stderr);
    assert.match(linux.stderr, new RegExp(`^${home}/.config/systemd/user/cloudmount.service:`));
    assert.match(linux.stdout, /^Type=notify$/m);
    assert.match(linux.stdout, new RegExp(`--config ${home}/.config/cloudmount.toml$`, "m"));

    const mac = await runFor("darwin", home, "install-agent", "--print", "--json");
    assert.equal(mac.code, 0, mac.stderr);
    const file = JSON.parse(mac.stdout) as { path: string; text: string };
    assert.equal(file.path, `${home}/Library/LaunchAgents/cloudmount.plist`);
    assert.match(file.text, /<key>ProgramArguments<\/key>/);
    assert.match(file.text, new RegExp(`<string>${home}/Library/Logs/cloudmount/agent.log`));
    assert.deepEqual([...Deno.readDirSync(home)], []);
  });
});

Deno.test("install-agent refuses both --now and --no-start, and a config with errors", async () => {
  await withDirectory(async (home) => {
    const both = await runFor("linux", home, "install-agent", "--now", "--no-start");
    assert.equal(both.code, 2);
    const none = await runFor("linux", home, "install-agent");
    assert.equal(none.code, 3);
    assert.match(none.stderr, /does not exist.*config init/);
  });
});

Deno.test("install-agent refuses mount points that macOS guards", async () => {
  await withDirectory(async (home) => {
    await Deno.mkdir(`${home}/.config`);
    await Deno.writeTextFile(
      `${home}/.config/cloudmount.toml`,
      `[[mount]]\nname = "a"\nbucket = "bucket"\nmount_point = "~/Documents/a"\nregion = "us-east-1"\n`,
    );
    await using launchctl = await FakeTool.create("launchctl", "exit 113");
    const { code, stderr } = await runFor("darwin", home, "install-agent");
    assert.equal(code, 3);
    assert.match(stderr, /macOS guards .*\/Documents\nHint: .*~\/CloudMount\/a/);
    assert.deepEqual(await launchctl.calls(), []);
  });
});

Deno.test("uninstall-agent is content with nothing, also without a config", async () => {
  await withDirectory(async (home) => {
    await using _launchctl = await FakeTool.create("launchctl", "exit 113");
    const { code, stdout } = await runFor("darwin", home, "uninstall-agent");
    assert.deepEqual([code, stdout], [0, "There is no agent\n"]);
  });
});

Deno.test("Without a service manager the commands say what to do", async () => {
  await withDirectory(async (home) => {
    await using systemctl = await FakeTool.create("systemctl", "exit 1");
    await systemctl.answer("show", "1 Failed to connect to bus: No medium found");
    const { code, stderr } = await runFor("linux", home, "uninstall-agent");
    assert.equal(code, 1);
    assert.match(stderr, /^Error: Cannot reach systemd.*\nHint: XDG_RUNTIME_DIR is not set/);
  });
});
