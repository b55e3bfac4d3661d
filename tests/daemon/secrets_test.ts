/** Credentials of the keychain, on their way to S3 and nowhere else. */
import assert from "node:assert/strict";
import type { StatusDocument } from "../../src/control/protocol.ts";
import { FakeTool, SECRET_TOOL } from "../support/fake_tool.ts";
import { mountTest } from "../support/mount_daemon.ts";
import { run, succeed } from "../support/mount_programs.ts";
import { PROGRAM, startServer } from "../support/mount_servers.ts";

mountTest("A daemon with keys of the keychain shows them to nobody", async () => {
  await using server = await startServer("serve-s3");
  await server.createBucket("one");
  await using keyring = await FakeTool.create("secret-tool", SECRET_TOOL);
  const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "cloudmount-secrets-" }));
  const config = `${folder}/cloudmount.toml`;
  await Deno.writeTextFile(
    config,
    `[daemon]
state_dir = "${folder}/state"
cache_dir = "${folder}/cache"
socket = "${folder}/control.sock"
log_level = "debug"
[defaults]
endpoint = "${server.url}"
region = "us-east-1"
path_style = true
credentials = "keychain"
profile = "work"
` + ["one", "missing"].map((name) =>
        `[[mount]]\nname = "${name}"\nbucket = "${name}"\nmount_point = "${folder}/mnt/${name}"\n`
      ).join(""),
  );
  const words = (args: readonly string[]) => [...PROGRAM, ...args, "--config", config];
  const cli = (args: readonly string[], stdin?: string) =>
    run(Deno.execPath(), words(args), stdin === undefined ? {} : { stdin });
  try {
    const { accessKeyId, secretAccessKey } = server;
    const set = await cli(["credentials", "set", "work"], `${accessKeyId}\n${secretAccessKey}\n`);
    assert.equal(set.code, 0, set.stderr);
    const started = await cli(["start", "--json"]);
    const { pid, mounts } = JSON.parse(started.stdout) as StatusDocument;
    assert.deepEqual(mounts.map(({ state }) => state), ["mounted", "failed"]);
    await succeed("sh", ["-c", 'echo hello > "$0"', `${folder}/mnt/one/hello.txt`]);
    const shown: Record<string, string> = { set: set.stdout + set.stderr };
    for (const args of [["status"], ["status", "--json"], ["config", "show"], ["doctor"]]) {
      const { stdout, stderr } = await cli(args);
      shown[args.join(" ")] = stdout + stderr;
    }
    for (const name of ["cmdline", "environ", "status", "limits"]) {
      shown[name] = await Deno.readTextFile(`/proc/${pid}/${name}`);
    }
    assert.match(shown["limits"]!, /^Max core file size +0 +0 /m);
    shown["calls of the keyring"] = (await keyring.calls()).join("\n");
    assert.equal((await cli(["stop"])).code, 0);
    const log = await Deno.readTextFile(`${folder}/state/logs/cloudmount.log`);
    assert.match(log, /missing/);
    // As text, and as the keyring keeps it.
    const encoded = await Deno.readTextFile(`${keyring.directory}/item-work`);
    for (const secret of [secretAccessKey, encoded]) {
      for (const [where, text] of Object.entries(shown)) {
        assert.equal(text.includes(secret), false, where);
      }
      const found = await run("grep", ["-rlF", "-e", secret, folder]);
      assert.deepEqual([found.code, found.stdout], [1, ""]);
    }
  } finally {
    await cli(["stop", "--force"]);
    for (const name of ["one", "missing"]) await run("umount", ["-l", `${folder}/mnt/${name}`]);
    await Deno.remove(folder, { recursive: true });
  }
});
