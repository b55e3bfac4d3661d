import assert from "node:assert/strict";
import { CONFIG_TEXT, type FakeDaemon, withFakeDaemon } from "../../../tests/daemon/fake_daemon.ts";
import { runLine, userEnvironment } from "../../../tests/support/command_line.ts";

const runFor = ({ environment }: FakeDaemon, ...args: readonly string[]) =>
  runLine(args, { environment: userEnvironment("", environment) });

const textOf = ({ file }: FakeDaemon) => Deno.readTextFile(file.path);

Deno.test("mounts add, set and remove edit the file and tell the daemon", async () => {
  await withFakeDaemon(async (daemon) => {
    const add = ["mounts", "add", "--bucket", "docs", "--mount-point", "in/docs", "--read-only"];
    const added = await runFor(daemon, ...add);
    const place = `${daemon.environment.home}/in/docs`;
    assert.deepEqual(added, {
      code: 0,
      stdout: `Added docs: mounted at ${place}\n`,
      stderr: "",
    });
    assert.equal(
      await textOf(daemon),
      `${CONFIG_TEXT}\n[[mount]]\nname = "docs"\nbucket = "docs"\nmount_point = "${place}"\nread_only = true\n`,
    );
    const set = await runFor(daemon, "mounts", "set", "docs", "read_only=", "metadata_ttl=5s");
    assert.deepEqual([set.code, set.stdout], [0, `Changed docs: mounted at ${place}\n`]);
    assert.equal(daemon.supervisor.mount("docs").read_only, false);
    const removed = await runFor(daemon, "mounts", "remove", "docs", "--json");
    assert.equal(removed.code, 0);
    assert.deepEqual(daemon.supervisor.status().mounts.map(({ name }) => name), ["photos"]);
    assert.equal(await textOf(daemon), `${CONFIG_TEXT}\n`);
  });
});

Deno.test("mounts add, set and remove edit the file also when no daemon runs", async () => {
  await withFakeDaemon(async (daemon) => {
    await daemon.stop();
    const added = await runFor(daemon, "mounts", "add", "--bucket", "b-1", "--mount-point", "/b");
    assert.equal(added.code, 0);
    assert.match(added.stdout, /^Added b-1 in .*; no daemon runs: cloudmount start\n$/);
    assert.equal((await runFor(daemon, "mounts", "set", "b-1", "uid=7")).code, 0);
    assert.match(await textOf(daemon), /mount_point = "\/b"\nuid = 7\n$/);
    assert.equal((await runFor(daemon, "mounts", "remove", "b-1", "-f")).code, 0);
    assert.equal(await textOf(daemon), `${CONFIG_TEXT}\n`);
  });
});

Deno.test("What is wrong with a mount is told the same with and without a daemon", async () => {
  await withFakeDaemon(async (daemon) => {
    const tell = async () => {
      const add = ["mounts", "add", "--bucket", "docs", "--mount-point"];
      return [
        await runFor(daemon, ...add, "/d", "--name", "photos"),
        await runFor(daemon, ...add, "/d", "--metadata-ttl", "never"),
        await runFor(daemon, "mounts", "set", "photos", "acces=1"),
        await runFor(daemon, "mounts", "remove", "videos"),
      ];
    };
    const told = await tell();
    assert.deepEqual(told.map(({ code }) => code), [1, 1, 1, 1]);
    assert.match(told[0]!.stderr, /name: "photos" is the name of another mount/);
    assert.match(told[1]!.stderr, /metadata_ttl: /);
    assert.match(told[2]!.stderr, /acces: unknown key/);
    assert.match(told[3]!.stderr, /Cannot remove "videos": no mount has this name/);
    await daemon.stop();
    assert.deepEqual(await tell(), told);
    assert.equal(await textOf(daemon), CONFIG_TEXT);
  });
});

Deno.test("reload tells what has changed; a broken file does not hide the daemon", async () => {
  await withFakeDaemon(async (daemon) => {
    await Deno.writeTextFile(daemon.file.path, CONFIG_TEXT.replace("my-photos", "new-photos"));
    assert.deepEqual(await runFor(daemon, "reload"), {
      code: 0,
      stdout: "changed: photos\n",
      stderr: "",
    });
    await Deno.writeTextFile(daemon.file.path, CONFIG_TEXT.replace("bucket", "bukket"));
    const broken = await runFor(daemon, "reload");
    assert.equal(broken.code, 3);
    assert.match(broken.stderr, /cloudmount\.toml:7:1: mount\[0\]\.bukket: unknown key/);
    const status = await runFor(daemon, "status");
    assert.equal(status.code, 0);
    assert.match(status.stdout, /config: .*goes on as before.*bukket/s);
    await daemon.stop();
    assert.equal((await runFor(daemon, "status")).code, 3);
  });
});
