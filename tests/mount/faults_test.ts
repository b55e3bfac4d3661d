/** An endpoint that fails, and two mounts of one daemon of which one has it in its way. */
import type { Faults } from "../support/fault_proxy.ts";
import assert from "node:assert/strict";
import { type MountedBuckets, mountTest } from "../support/mount_daemon.ts";
import { withFaults } from "../support/mount_faults.ts";
import { flushMount } from "../support/mount_flush.ts";
import { eventually, python, run, sh, succeed } from "../support/mount_programs.ts";
import { withSeed } from "../support/seeded_random.ts";

/** The time a system call may take, and a little for a busy machine. */
const DEADLINE_SECONDS = 30 + 5;
/** Python: says so when a system call does not fail with EIO or ETIMEDOUT in time. */
const FAILS_IN_TIME = `
import errno, os, time
def call(work):
    start = time.time()
    try: print("did not fail", work())
    except OSError as error:
        if error.errno not in (errno.EIO, errno.ETIMEDOUT): print(error)
    took = time.time() - start
    if took > ${DEADLINE_SECONDS}: print(f"took {took:.1f} s")
`;
/** What needs no answer of the endpoint comes in this time. */
const AT_ONCE_MS = 2000;

mountTest("an endpoint out of reach fails in bounded time, and only what needs it", async () => {
  await withFaults(async (mounted, proxy) => {
    const folder = mounted.path();
    await mounted.other().put("unseen/file", "x");
    // What is written here is in the disk cache.
    await mounted.other().put("seen/unread", "other\n");
    await sh(folder, "mkdir third; echo read > seen/read; ls -l seen; cat seen/read");
    await mounted.restart();
    await sh(folder, "ls -l . seen; cat seen/read");
    await proxy.setFaults({ down: true });

    const failing = [
      `file = open("seen/saved", "w"); file.write("precious"); call(file.close)`,
      `fd = os.open("seen/unread", os.O_RDONLY); call(lambda: os.read(fd, 10))`,
      `call(lambda: os.stat("unseen/file"))`,
      `call(lambda: os.listdir("unseen"))`,
      `call(lambda: os.mkdir("seen/new"))`,
      `call(lambda: os.rename("third", "moved"))`,
    ].map(async (source) => {
      const said = await python(FAILS_IN_TIME + source, [], { cwd: folder, seconds: 90 });
      return said === "" ? "" : `${source}: ${said}`;
    });
    // While those wait.
    await quickly("ls -l of a directory seen before", () => sh(folder, "ls -l seen"));
    await quickly("reading what was read before", () => sh(folder, "cat seen/read"));
    await quickly("status", () => mounted.statusDocument());
    await quickly("the other mount", () => sh(mounted.path("beta"), "echo fine > f; cat f; rm f"));
    const late = (await Promise.all(failing)).filter((said) => said !== "");
    assert.deepEqual(late, []);

    await eventually(
      "the mount is degraded",
      async () => (await mounted.status()).state === "degraded",
    );
    const { uploads, error } = await mounted.status();
    // An error of close or mkdir says that it is not in S3 yet; it is kept, and goes there.
    assert.deepEqual([...uploads.oldest_paths].sort(), ["seen/new/", "seen/saved"]);
    assert.equal(uploads.pending_bytes, 8);
    assert.ok(uploads.last_error !== null && error !== null);
    assert.equal((await mounted.status("beta")).state, "mounted");
    // What could not be uploaded is there to be read, renamed, and written again.
    assert.equal(await quickly("the saved file", () => sh(folder, "cat seen/saved")), "precious");
    const status = await mounted.command("status");
    assert.equal(status.code, 5, status.stdout);

    await proxy.setFaults({});
    const flushed = await mounted.command("flush", "alpha");
    assert.equal(flushed.code, 0, flushed.stderr);
    assert.equal(await mounted.other().text("seen/saved"), "precious");
    assert.equal(
      await sh(folder, "cat seen/unread unseen/file; ls seen | tr '\n' ' '"),
      "other\nxnew read saved unread ",
    );
    await eventually("all is well again", async () => (await mounted.statusDocument()).healthy);
    assert.equal((await mounted.status()).uploads.pending_files, 0);
    // A directory is renamed at once or not at all.
    assert.deepEqual(await mounted.other().keys("moved"), []);
    assert.deepEqual(await mounted.other().keys("third"), ["third/"]);
    assert.deepEqual(await mounted.other().keys("seen/new"), ["seen/new/"]);
  }, { defaults: 'metadata_ttl = "2s"' });
});

mountTest("Ctrl-C ends a program that waits for an endpoint that does not answer", async () => {
  await withFaults(async (mounted, proxy) => {
    const folder = mounted.path();
    await mounted.other().put("file", "content");
    await sh(folder, "ls -l");
    await proxy.setFaults({ rules: [{ fault: { kind: "stall" }, method: "GET", path: /file/ }] });
    const startMs = performance.now();
    const { code } = await run("timeout", ["-s", "INT", "1", "cat", "file"], { cwd: folder });
    assert.equal(code, 124);
    assert.ok(performance.now() - startMs < 3000, "the program could not be interrupted");
    await proxy.setFaults({});
    assert.equal(await sh(folder, "cat file"), "content");
  });
});

mountTest("what an unreliable endpoint takes and gives is whole", async () => {
  await withSeed(async (random) => {
    await withFaults(
      async (mounted, proxy) => {
        const folder = mounted.path();
        await sh(
          mounted.folder,
          `mkdir -p source/sub; for i in $(seq 1 60); do seq 1 $((i * 50)) > source/$i; done
           head -c 30000000 /dev/urandom > source/sub/large`,
        );
        const faults: Faults = {
          rules: [
            { fault: { kind: "slow_down" }, probability: 0.05 },
            { fault: { kind: "internal_error" }, probability: 0.05 },
            { fault: { kind: "reset_before" }, probability: 0.05 },
            { fault: { kind: "lost_response" }, probability: 0.05 },
            { fault: { kind: "reset_in_body", afterBytes: 100 }, method: "GET", probability: 0.1 },
            {
              fault: { kind: "truncated_body", afterBytes: 1000 },
              method: "GET",
              probability: 0.1,
            },
          ],
        };
        await proxy.setFaults(faults);
        await succeed("cp", ["-r", `${mounted.folder}/source`, `${folder}/copy`]);
        await sh(
          folder,
          "mv copy/1 copy/one; mv copy/sub copy/below; rm copy/2; ls -l copy; mv copy moved",
        );
        // A daemon whose first question fails says so and is waited for in vain.
        await proxy.setFaults({});
        await mounted.restart();
        await proxy.setFaults(faults);
        await succeed("cp", ["-r", `${folder}/moved`, `${mounted.folder}/back`]);
        await proxy.setFaults({});
        await sh(
          mounted.folder,
          "cd source; mv 1 one; mv sub below; rm 2; cd ..; diff -r source back",
        );
        assert.deepEqual(await mounted.other().keys("copy"), []);
        assert.ok((await mounted.status()).uploads.pending_files === 0);
      },
      {},
      random.seed,
    );
  });
});

mountTest(
  "a daemon stopped by force with the endpoint down keeps what was written, and it goes up later",
  async () => {
    await withFaults(async (mounted, proxy) => {
      const folder = mounted.path();
      await sh(folder, "ls");
      await proxy.setFaults({ down: true });
      // Its close waits for S3.
      const writer = run("python3", ["-c", "open('kept', 'w').write('precious' * 10000)"], {
        cwd: folder,
      });
      await eventually(
        "the upload is pending",
        async () => (await mounted.status()).uploads.pending_bytes === 80_000,
      );
      const { code, stdout } = await mounted.command("stop", "--force");
      assert.equal(code, 0);
      assert.match(stdout, /1 file \(78.1 KiB\) not in S3 yet/);
      await writer;
      await mounted.ended();
      const written = "precious".repeat(10_000);
      assert.deepEqual(await stagedContents(mounted), [written]);

      await mounted.start({ offline: ["alpha"] });
      await quickly("what was written", async () => {
        assert.equal(await sh(folder, "cat kept"), written);
      });
      assert.equal((await mounted.status()).uploads.pending_files, 1);
      await proxy.setFaults({});
      await eventually(
        "it is in S3",
        async () => (await mounted.other().head("kept"))?.size === 80_000,
      );
      assert.equal(await mounted.other().text("kept"), written);
      await flushMount(mounted);
      assert.deepEqual(await stagedContents(mounted), []);
    });
  },
);

/** What of all mounts waits on the local disk. */
async function stagedContents(mounted: MountedBuckets): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of Deno.readDir(`${mounted.folder}/state/staged`)) {
    for await (const file of Deno.readDir(`${mounted.folder}/state/staged/${name}`)) {
      found.push(await Deno.readTextFile(`${mounted.folder}/state/staged/${name}/${file.name}`));
    }
  }
  return found;
}

async function quickly<T>(what: string, work: () => Promise<T>): Promise<T> {
  const startMs = performance.now();
  const result = await work();
  const ms = Math.round(performance.now() - startMs);
  assert.ok(ms < AT_ONCE_MS, `${what} took ${ms} ms`);
  return result;
}
