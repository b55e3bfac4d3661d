/** Programs in a mounted folder whose endpoint is silent: packets go nowhere, and no connection ends. */
import assert from "node:assert/strict";
import { mountTest } from "../support/mount_daemon.ts";
import { withFaults } from "../support/mount_faults.ts";
import { eventually, printNote, python, sh } from "../support/mount_programs.ts";

/** The time a system call may take, and a little for a busy machine. */
const DEADLINE_SECONDS = 30 + 5;
/** What unmounting by force may take, and its command to start. */
const FORCED_SECONDS = 10;

/**
 * Starts readers and writers, prints a line when all wait, and at the end for how many seconds the longest
 * ran, was in uninterruptible sleep, and how many ended well. Its own process does not enter the mount.
 */
const WAITERS = `
import os, subprocess, sys, time
folder = sys.argv[1]
cat = ["cat", *(f"{folder}/{name}" for name in "abc")]
commands = [["cat", f"{folder}/{name}"] for name in "aabbcc"] + [["ls", f"{folder}/unseen"]]
commands += [["python3", "-c", f"""
import mmap, os
file = os.open('{folder}/c', os.O_RDONLY)
mmap.mmap(file, 0, prot=mmap.PROT_READ)[4096]
"""], ["python3", "-c", f"with open('{folder}/new', 'w') as file: file.write('new')"]]
start = time.time()
running = [subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for line in commands]
waiting, longest, good, said = {}, 0, 0, False
while running:
    time.sleep(0.1)
    for child in list(running):
        if child.poll() is not None:
            running.remove(child)
            good += child.returncode == 0
            continue
        state = open(f"/proc/{child.pid}/stat").read().rsplit(")", 1)[1].split()[0]
        if state == "D": longest = max(longest, time.time() - waiting.setdefault(child.pid, time.time()))
        else: waiting.pop(child.pid, None)
    if not said and time.time() - start > 1.5:
        said = True
        print("waiting", len(running), flush=True)
print(round(time.time() - start, 1), round(longest, 1), good, flush=True)
`;

const FILES = ["a", "b", "c"];

mountTest(
  "unmount --force ends a mount whose endpoint is silent, and everybody who waits",
  async () => {
    await withFaults(async (mounted, proxy) => {
      for (const name of FILES) await mounted.other().put(name, "x".repeat(100_000));
      await mounted.other().put("unseen/file", "");
      await sh(mounted.path(), "ls -l");
      await proxy.setFaults({ silent: true });
      const waiters = python(WAITERS, [mounted.path()]);
      await eventually("programs wait", async () => (await mounted.status()).state === "degraded");
      const startMs = performance.now();
      const { code, stderr } = await mounted.command("unmount", "alpha", "--force");
      assert.equal(code, 0, stderr);
      const said = await waiters;
      const seconds = (performance.now() - startMs) / 1000;
      assert.ok(seconds < FORCED_SECONDS, `unmounting took ${seconds} s`);
      assert.match(said, /^waiting 9\n[\d.]+ [\d.]+ 0\n$/);
      assert.equal((await mounted.status()).state, "stopped");
      await sh(mounted.path("beta"), "echo fine > f; cat f; rm f");
      await proxy.setFaults({});
      assert.equal((await mounted.command("mount", "alpha")).code, 0);
      assert.equal(await sh(mounted.path(), "wc -c < a"), "100000\n");
      // What was being written was promised to nobody, or is there.
      await eventually(
        "all is in S3",
        async () => (await mounted.status()).uploads.pending_files === 0,
      );
    });
  },
);

/** It takes as long as the deadline. */
if (Deno.env.get("CLOUDMOUNT_LONG_TESTS") !== undefined) {
  mountTest("no program waits for a silent endpoint longer than the deadline", async () => {
    await withFaults(async (mounted, proxy) => {
      for (const name of FILES) await mounted.other().put(name, "x".repeat(100_000));
      await mounted.other().put("unseen/file", "");
      await sh(mounted.path(), "ls -l");
      await proxy.setFaults({ silent: true });
      const said = await python(WAITERS, [mounted.path()], { seconds: 2 * DEADLINE_SECONDS });
      const [ran = Infinity, slept = Infinity, good] = said.split("\n")[1]!.split(" ").map(Number);
      await printNote(`the longest waited ${ran} s, ${slept} s of it uninterruptibly`);
      assert.ok(ran < DEADLINE_SECONDS, `a program waited ${ran} s`);
      assert.ok(slept < DEADLINE_SECONDS, `a program was stuck for ${slept} s`);
      assert.equal(good, 0);
      await proxy.setFaults({});
      const isWell = async () => (await mounted.status()).state === "mounted";
      await eventually("all is well again", isWell, 70);
      assert.equal(await sh(mounted.path(), "cat a b c | wc -c; cat new"), "300000\nnew");
    });
  });
}
