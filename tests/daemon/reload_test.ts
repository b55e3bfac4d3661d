/** A real daemon whose config file is edited while programs use its mounts. */
import assert from "node:assert/strict";
import { DaemonRig, eventually, mountTable, whyNoMounts } from "./daemon_rig.ts";

const reason = whyNoMounts();
// deno-lint-ignore no-console -- a skipped test says why
if (reason !== undefined) console.log(`Skipping the tests of config changes: ${reason}`);

function daemonTest(name: string, work: () => Promise<void>): void {
  Deno.test({ name, ignore: reason !== undefined, fn: work });
}

/** A program that has a file of the mount open for writing from beginning to end. */
function writerIn(path: string): { end(): Promise<string> } {
  const child = new Deno.Command("sh", {
    args: ["-c", 'exec 3>"$0"; echo one >&3; read go; echo two >&3', path],
    stdin: "piped",
    stderr: "piped",
  }).spawn();
  return {
    end: async () => {
      await child.stdin.close();
      const said = await new Response(child.stderr).text();
      return (await child.status).success ? await Deno.readTextFile(path) : said;
    },
  };
}

/** As an editor saves. */
async function save(rig: DaemonRig, change: (text: string) => string): Promise<void> {
  const text = change(await Deno.readTextFile(rig.configPath));
  await Deno.writeTextFile(`${rig.configPath}~`, text);
  await Deno.rename(`${rig.configPath}~`, rig.configPath);
}

daemonTest(
  "A saved config file is gone by at once, and mounts that it leaves alone go on",
  async () => {
    await using rig = await DaemonRig.create(({ endpoint, directory }) =>
      mountTable("one", endpoint, directory)
    );
    await rig.run();
    const writer = writerIn(`${rig.mountPoint("one")}/open.txt`);
    await save(rig, (text) => text + mountTable("two", rig.server.url, rig.directory));
    await eventually(
      async () => (await rig.mountedAs("two")).startsWith("fuse") || undefined,
      "the added mount",
    );
    // A folder in use stays as it was; what can change in use does.
    await save(rig, (text) => text.replace('name = "one"', 'name = "one"\nmetadata_ttl = "1s"'));
    await save(rig, (text) => text.replace("[daemon]", '[daemon]\nlog_level = "debug"'));
    await save(rig, (text) => text.replace(/\[\[mount\]\]\nname = "two"[^[]*/, ""));
    await eventually(async () => await rig.mountedAs("two") === "" || undefined, "the removal");
    const { mounts, problems } = await rig.status();
    assert.deepEqual(mounts.map(({ name, state }) => [name, state]), [["one", "mounted"]]);
    assert.deepEqual(problems, []);
    assert.equal(await writer.end(), "one\ntwo\n");
    const log = await rig.cli("logs", "-n", "10000", "--json");
    assert.match(log.stdout, /"level":"DEBUG"/);
  },
);

daemonTest("A config file with errors is reported in the status, and changes nothing", async () => {
  await using rig = await DaemonRig.create();
  const daemon = await rig.run();
  await save(rig, (text) => text.replace('bucket = "one"', 'bukket = "one"'));
  const status = await eventually(async () => {
    const status = await rig.status();
    return status.config_error === null ? undefined : status;
  }, "the report");
  assert.match(status.config_error!.message, /bukket: unknown key.*did you mean "bucket"/);
  assert.deepEqual(status.mounts.map(({ state }) => state), ["mounted", "mounted"]);
  const shown = await rig.cli("status");
  assert.deepEqual([shown.code, shown.stderr], [0, ""]);
  assert.match(shown.stdout, /config: .*bukket/s);
  await save(rig, (text) => text.replace("bukket", "bucket"));
  await eventually(
    async () => (await rig.status()).config_error === null || undefined,
    "the mended file",
  );
  assert.equal((await rig.status()).pid, daemon.pid);
});

daemonTest("SIGHUP has the config file read again", async () => {
  await using rig = await DaemonRig.create(({ endpoint, directory }) =>
    mountTable("one", endpoint, directory)
  );
  const daemon = await rig.run();
  daemon.kill("SIGHUP");
  const log = await eventually(async () => {
    const { stdout } = await rig.cli("logs");
    return stdout.includes("Read the config again") ? stdout : undefined;
  }, "the reload");
  assert.match(log, /"not_applied":\[\]/);
  assert.equal((await rig.status()).mounts[0]!.state, "mounted");
});

daemonTest(
  "What a removed mount has not sent yet goes up from a mount of another name",
  async () => {
    await using rig = await DaemonRig.create();
    await rig.run();
    const port = Number(new URL(rig.server.url).port);
    const writing = await rig.writeWhileServerIsAway("one", "a.txt");
    const early = await rig.cli("mounts", "remove", "one", "--timeout", "1s");
    assert.equal(early.code, 6, early.stderr);
    assert.match(early.stderr, /a\.txt/);
    const removed = await rig.cli("mounts", "remove", "one", "-f");
    assert.equal(removed.code, 0, removed.stderr);
    assert.match(removed.stdout, /1 file .* not in S3 yet: kept, to go up when it is added again/);
    await writing.end();
    const status = await rig.status();
    assert.deepEqual(status.mounts.map(({ name }) => name), ["two"]);
    assert.match(status.problems.join(), /1 name changed in .*\/one\//);
    const server = await rig.startServerAt(port);
    try {
      const added = await rig.cli(
        ...["mounts", "add", "--name", "again", "--bucket", "one", "--endpoint", rig.server.url],
        ...[
          "--mount-point",
          rig.mountPoint("one"),
          "--region",
          "us-east-1",
          "--path-style",
          "true",
        ],
        "--credentials",
        '{ access_key_id_env = "TEST_KEY", secret_access_key_env = "TEST_SECRET" }',
      );
      assert.equal(added.code, 0, added.stderr);
      assert.equal((await rig.cli("flush", "again")).code, 0);
      assert.deepEqual((await rig.status()).problems, []);
      assert.equal(await Deno.readTextFile(`${rig.mountPoint("one")}/a.txt`), "x\n");
    } finally {
      await server.close();
    }
  },
);

daemonTest("A setting that needs a new mount waits for a folder in use", async () => {
  await using rig = await DaemonRig.create(({ endpoint, directory }) =>
    mountTable("one", endpoint, directory)
  );
  await rig.run();
  const writer = writerIn(`${rig.mountPoint("one")}/open.txt`);
  await eventually(async () => {
    const { uploads } = (await rig.status()).mounts[0]!;
    return uploads.pending_files > 0 || undefined;
  }, "the open file");
  const busy = await rig.cli("mounts", "set", "one", "file_mode=0600");
  assert.equal(busy.code, 1);
  assert.match(busy.stderr, /file is changed, but not the mount/);
  assert.match((await rig.status()).problems.join(), /one goes on with its old settings/);
  assert.equal(await writer.end(), "one\ntwo\n");
  const again = await rig.cli("reload");
  assert.deepEqual([again.code, again.stdout], [0, "changed: one\n"], again.stderr);
  assert.deepEqual((await rig.status()).problems, []);
});
