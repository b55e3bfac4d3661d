/** The daemon as users and their system treat it: signals, kill -9, second instances, bad buckets. */
import assert from "node:assert/strict";
import { DaemonRig, mountTable, whyNoMounts } from "./daemon_rig.ts";

const reason = whyNoMounts();
// deno-lint-ignore no-console -- a skipped test says why
if (reason !== undefined) console.log(`Skipping the tests of real daemons: ${reason}`);

function daemonTest(name: string, work: () => Promise<void>): void {
  Deno.test({ name, ignore: reason !== undefined, fn: work });
}

daemonTest("SIGTERM unmounts everything and ends the daemon with 0", async () => {
  await using rig = await DaemonRig.create();
  const daemon = await rig.run();
  assert.match(await rig.mountedAs("one"), /^fuse/);
  assert.match(await rig.mountedAs("two"), /^fuse/);
  daemon.kill("SIGTERM");
  assert.equal((await daemon.status).code, 0);
  assert.equal(await rig.mountedAs("one"), "");
  assert.equal(await rig.mountedAs("two"), "");
  await assert.rejects(Deno.stat(rig.socket), Deno.errors.NotFound);
});

daemonTest("A second signal does not wait for uploads", async () => {
  await using rig = await DaemonRig.create();
  const daemon = await rig.run();
  const writing = await rig.writeWhileServerIsAway("one", "a.txt");
  daemon.kill("SIGINT");
  await rig.waitFor("one", ({ state }) => state === "draining");
  const askedMs = performance.now();
  daemon.kill("SIGINT");
  assert.equal((await daemon.status).code, 0);
  assert.ok(performance.now() - askedMs < 10_000);
  assert.equal(await rig.mountedAs("one"), "");
  await writing.end();
});

daemonTest(
  "A second daemon on the same state directory is refused, with the pid of the first",
  async () => {
    await using rig = await DaemonRig.create();
    const daemon = await rig.run();
    const second = await rig.cli("run");
    assert.equal(second.code, 1);
    assert.match(second.stderr, new RegExp(`pid ${daemon.pid}\\b`));
    assert.equal((await rig.status()).pid, daemon.pid);
  },
);

daemonTest("After kill -9 the next daemon replaces the dead mounts and socket", async () => {
  await using rig = await DaemonRig.create();
  const daemon = await rig.run();
  await Deno.writeTextFile(`${rig.mountPoint("one")}/a.txt`, "kept");
  daemon.kill("SIGKILL");
  await daemon.status;
  assert.match(await rig.mountedAs("one"), /^fuse/);
  await rig.run();
  assert.equal(await Deno.readTextFile(`${rig.mountPoint("one")}/a.txt`), "kept");
  const { mounts } = await rig.status();
  assert.deepEqual(mounts.map(({ state }) => state), ["mounted", "mounted"]);
});

daemonTest("A bad bucket does not keep a good one from being mounted", async () => {
  await using rig = await DaemonRig.create(({ endpoint, directory }) =>
    mountTable("one", endpoint, directory) + mountTable("missing", endpoint, directory)
  );
  await rig.run();
  const good = await rig.waitFor("one", ({ state }) => state === "mounted");
  assert.equal(good.error, null);
  const bad = await rig.waitFor("missing", ({ state }) => state === "failed");
  assert.match(bad.error!.message, /missing/);
  await Deno.writeTextFile(`${rig.mountPoint("one")}/a.txt`, "works");
  assert.equal((await rig.cli("status")).code, 5);
  assert.equal((await rig.cli("status", "one")).code, 0);
  const again = await rig.cli("mount", "missing");
  assert.equal(again.code, 1);
  assert.match(again.stderr, /missing/);
});

daemonTest("With an unreachable endpoint the folder is there, degraded, and recovers", async () => {
  // A port that was free a moment ago: nobody listens there until the test does.
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  await using rig = await DaemonRig.create(({ endpoint, directory }) =>
    mountTable("one", endpoint, directory) +
    mountTable("two", `http://127.0.0.1:${port}`, directory)
  );
  const startedMs = performance.now();
  await rig.run();
  assert.ok(performance.now() - startedMs < 15_000);
  assert.equal((await rig.waitFor("one", ({ state }) => state === "mounted")).error, null);
  const lost = await rig.waitFor("two", ({ state }) => state === "degraded");
  assert.ok(lost.error!.message.length > 0);
  assert.match(await rig.mountedAs("two"), /^fuse/);
  const askedMs = performance.now();
  await rig.status();
  assert.ok(performance.now() - askedMs < 1000);
  await Deno.writeTextFile(`${rig.mountPoint("one")}/a.txt`, "works");
  const returned = await rig.startServerAt(port);
  try {
    await rig.waitFor("two", ({ state }) => state === "mounted");
  } finally {
    await returned.close();
  }
});

daemonTest(
  "A folder that somebody else unmounts is shown as stopped and can be mounted again",
  async () => {
    await using rig = await DaemonRig.create();
    await rig.run();
    const umount = await new Deno.Command("umount", { args: [rig.mountPoint("one")] }).output();
    assert.equal(umount.code, 0);
    await rig.waitFor("one", ({ state }) => state === "stopped");
    assert.equal((await rig.waitFor("two", () => true)).state, "mounted");
    const mounted = await rig.cli("mount", "one");
    assert.equal(mounted.code, 0, mounted.stderr);
    assert.match(await rig.mountedAs("one"), /^fuse/);
  },
);

daemonTest(
  "start, status, unmount, mount, flush, restart and stop work as a user types them",
  async () => {
    await using rig = await DaemonRig.create();
    assert.equal((await rig.cli("status")).code, 4);
    assert.equal((await rig.cli("stop")).code, 4);
    const started = await rig.cli("start");
    assert.equal(started.code, 0, started.stderr);
    assert.match(started.stdout, /one is mounted at/);
    assert.equal((await rig.cli("start")).code, 0);
    const shown = await rig.cli("status");
    assert.equal(shown.code, 0, shown.stderr);
    assert.match(shown.stdout, /NAME +STATE/);
    await Deno.writeTextFile(`${rig.mountPoint("one")}/a.txt`, "x");
    assert.equal((await rig.cli("flush")).code, 0);
    assert.equal((await rig.cli("unmount")).code, 2);
    assert.equal((await rig.cli("unmount", "nobody")).code, 1);
    const unmounted = await rig.cli("unmount", "one");
    assert.equal(unmounted.code, 0, unmounted.stderr);
    assert.equal(await rig.mountedAs("one"), "");
    assert.equal((await rig.cli("mount", "--all")).code, 0);
    assert.match(await rig.mountedAs("one"), /^fuse/);
    assert.equal((await rig.cli("mounts", "stop", "two")).code, 0);
    assert.match((await rig.cli("mounts", "list")).stdout, /two +stopped/);
    const { pid } = await rig.status();
    const restarted = await rig.cli("restart");
    assert.equal(restarted.code, 0, restarted.stderr);
    assert.notEqual((await rig.status()).pid, pid);
    const stopped = await rig.cli("stop");
    assert.equal(stopped.code, 0, stopped.stderr);
    assert.equal(await rig.mountedAs("one"), "");
    assert.equal((await rig.cli("status")).code, 4);
  },
);

daemonTest(
  "stop, unmount and flush end with 6 and say what is pending when S3 is away",
  async () => {
    await using rig = await DaemonRig.create();
    const daemon = await rig.run();
    const writing = await rig.writeWhileServerIsAway("one", "a.txt");
    assert.equal((await rig.status()).mounts[0]!.uploads.oldest_paths[0], "a.txt");
    for (const command of [["flush", "one"], ["unmount", "one"], ["stop"]]) {
      const result = await rig.cli(...command, "--timeout", "500ms");
      assert.equal(result.code, 6, `${command}: ${result.stderr}`);
      assert.match(result.stderr, /1 file \(2 B\) of "one", the oldest for .+: "a\.txt"/);
    }
    const { state } = await rig.waitFor("one", () => true);
    assert.ok(state === "mounted" || state === "degraded", state);
    const stopped = await rig.cli("stop", "--force");
    assert.equal(stopped.code, 0, stopped.stderr);
    assert.match(
      stopped.stdout,
      /; 1 file \(2 B\) not in S3 yet: kept, to go up at the next start/,
    );
    assert.equal((await daemon.status).code, 0);
    await writing.end();

    const returned = await rig.startServerAt(Number(new URL(rig.server.url).port));
    try {
      await rig.run();
      const flushed = await rig.cli("flush");
      assert.equal(flushed.code, 0, flushed.stderr);
      assert.equal((await rig.cli("restart")).code, 0);
      assert.equal(await Deno.readTextFile(`${rig.mountPoint("one")}/a.txt`), "x\n");
    } finally {
      await returned.close();
    }
  },
);

daemonTest(
  "What waits for a bucket that is not mounted any more is told, until it is mounted again",
  async () => {
    await using rig = await DaemonRig.create();
    const daemon = await rig.run();
    const writing = await rig.writeWhileServerIsAway("one", "a.txt");
    assert.equal((await rig.cli("stop", "--force")).code, 0);
    await daemon.status;
    await writing.end();

    const { directory, server } = rig;
    const returned = await rig.startServerAt(Number(new URL(server.url).port));
    const of = (name: string, more = "") => mountTable(name, server.url, directory, more);
    try {
      await rig.writeConfig(of("two"));
      assert.equal((await rig.cli("start")).code, 0);
      const { problems } = await rig.status();
      assert.equal(problems.length, 1);
      assert.ok(problems[0]!.startsWith(`1 name changed in "${server.url}/one/" `), problems[0]);
      assert.match(problems[0]!, /not in S3 yet.+add a \[\[mount\]\]/);
      assert.match((await rig.cli("status")).stdout, /1 name changed in/);

      await rig.writeConfig(of("one", "auto_mount = false") + of("two"));
      assert.equal((await rig.cli("restart")).code, 0);
      assert.match((await rig.status()).problems[0]!, /: cloudmount mount one$/);
      assert.equal((await rig.cli("mount", "one")).code, 0);
      assert.deepEqual((await rig.status()).problems, []);
      assert.equal((await rig.cli("flush")).code, 0);
      assert.equal(await Deno.readTextFile(`${rig.mountPoint("one")}/a.txt`), "x\n");
      assert.equal((await rig.cli("stop")).code, 0);
    } finally {
      await returned.close();
    }
  },
);

daemonTest(
  "A folder in use is not unmounted unless forced, and the message names its user",
  async () => {
    await using rig = await DaemonRig.create();
    await rig.run();
    const user = new Deno.Command("sleep", { args: ["60"], cwd: rig.mountPoint("one") }).spawn();
    try {
      const refused = await rig.cli("unmount", "one");
      assert.equal(refused.code, 1, refused.stdout);
      assert.match(refused.stderr, new RegExp(`${user.pid}`));
      assert.equal((await rig.waitFor("one", () => true)).state, "mounted");
      assert.equal((await rig.cli("unmount", "one", "--force")).code, 0);
      assert.equal(await rig.mountedAs("one"), "");
    } finally {
      user.kill("SIGKILL");
      await user.status;
    }
  },
);

daemonTest("A daemon that cannot start says why, and start tells it", async () => {
  await using rig = await DaemonRig.create();
  await Deno.mkdir(`${rig.directory}/state/daemon.lock`, { recursive: true });
  const started = await rig.cli("start");
  assert.equal(started.code, 1);
  assert.match(started.stderr, /daemon\.lock|directory/i);
});

daemonTest("The status document has the fields that the interface promises", async () => {
  await using rig = await DaemonRig.create();
  await rig.run();
  await Deno.writeTextFile(`${rig.mountPoint("one")}/a.txt`, "hello");
  assert.equal((await rig.cli("flush")).code, 0);
  const { stdout, code } = await rig.cli("status", "--json");
  assert.equal(code, 0);
  const document = JSON.parse(stdout);
  assert.deepEqual(shapeOf(document), {
    version: "string",
    pid: "number",
    uptime_seconds: "number",
    healthy: "boolean",
    config_path: "string",
    config_error: "null",
    memory: {
      used_bytes: "number",
      limit_bytes: "number",
      rss_bytes: "number",
      heap_bytes: "number",
    },
    cache: { used_bytes: "number", limit_bytes: "number", hit_rate: "number?" },
    connections: { in_use: "number", limit: "number" },
    problems: [],
    mounts: [{
      id: "string",
      name: "string",
      bucket: "string",
      prefix: "string",
      endpoint: "string",
      mount_point: "string",
      read_only: "boolean",
      enabled: "boolean",
      auto_mount: "boolean",
      state: "string",
      error: "null",
      uploads: {
        pending_files: "number",
        pending_bytes: "number",
        oldest_seconds: "number?",
        oldest_paths: [],
        active: "number",
        last_error: "null",
      },
      conflicts: [],
      lost_and_found: [],
      requests: {
        get: "number",
        put: "number",
        list: "number",
        head: "number",
        copy: "number",
        delete: "number",
        other: "number",
        errors: "number",
        retries: "number",
      },
      bytes: { downloaded: "number", uploaded: "number", read: "number" },
      cache: { used_bytes: "number", hit_rate: "number?" },
      inodes: "number",
      hidden_keys: "number",
      last_contact_seconds: "number?",
      latency_ms_p50: "number?",
      latency_ms_p99: "number?",
      credentials_expire_at: "null",
      warnings: [],
    }],
  });
  const [one] = document.mounts;
  assert.equal(one.requests.put, 1);
  assert.equal(one.bytes.uploaded, 5);
  assert.ok(one.last_contact_seconds < 60);
});

/** Types in place of values; of a list, its first item. */
function shapeOf(value: unknown, key = ""): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map((item) => shapeOf(item));
  if (value !== null && typeof value === "object") {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, shapeOf(item, key)]),
    );
  }
  const mayBeNull = /hit_rate|seconds$|latency/.test(key) && key !== "uptime_seconds";
  if (mayBeNull && (value === null || typeof value === "number")) return "number?";
  return value === null ? "null" : typeof value;
}

daemonTest("An S3 server that goes away leaves the daemon answering at once", async () => {
  await using rig = await DaemonRig.create();
  await rig.run();
  await rig.server.close();
  const path = `${rig.mountPoint("one")}/none.txt`;
  const reading = new Deno.Command("cat", { args: [path], stderr: "null" }).spawn();
  const askedMs = performance.now();
  await rig.status();
  assert.ok(performance.now() - askedMs < 1000);
  await rig.waitFor("one", ({ state }) => state === "degraded");
  reading.kill("SIGKILL");
  await reading.status;
});
