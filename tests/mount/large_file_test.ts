/** A file larger than the memory there is for it. */
import assert from "node:assert/strict";
import { mountTest, withMountedBuckets } from "../support/mount_daemon.ts";
import { printNote, sh, sha256OfFile, succeed } from "../support/mount_programs.ts";

const MIB = 2 ** 20;
const LIMIT_MIB = 128;
const BESIDES_MIB = 150;

mountTest("1 GiB goes in and out unchanged, within memory_limit and 150 MiB besides", async () => {
  await withMountedBuckets(async (mounted) => {
    const local = `${mounted.folder}/local`;
    const remote = `${mounted.path()}/large.bin`;
    // Incompressible, different in every block, and made faster than /dev/urandom makes it.
    await sh(
      mounted.folder,
      "openssl enc -aes-128-ctr -nosalt -k x -pbkdf2 </dev/zero 2>/dev/null | head -c 1073741824 > local",
    );
    const hash = await sha256OfFile(local);
    const inMs = await timed(() => succeed("cp", [local, remote], { seconds: 120 }));
    await Deno.remove(local);
    const copy = await timed(async () => {
      const streamed = await mounted.other().sha256("large.bin");
      assert.equal(streamed, hash, "what another client reads differs");
    });
    // Without the kernel's pages and the daemon's blocks of it.
    await mounted.restart();
    const outMs = await timed(() => succeed("cp", [remote, local], { seconds: 120 }));
    assert.equal(await sha256OfFile(local), hash, "what was read back differs");
    const afterOut = await peakRssMib(mounted.pid);
    await Deno.remove(local);
    // In and out by one daemon.
    await succeed("cp", [remote, `${mounted.path("beta")}/large.bin`], { seconds: 120 });
    assert.equal(await mounted.other("beta").sha256("large.bin"), hash);
    const peak = await peakRssMib(mounted.pid);
    await printNote(
      `1 GiB in ${rate(inMs)}, out ${rate(outMs)}, read by another client ${rate(copy)}; ` +
        `peak RSS ${afterOut} MiB after reading, ${peak} MiB after copying between mounts`,
    );
    assert.ok(peak <= LIMIT_MIB + BESIDES_MIB, `peak RSS ${peak} MiB`);
    const { memory } = await mounted.statusDocument();
    assert.ok(memory.used_bytes <= memory.limit_bytes);
    assert.equal(memory.limit_bytes, LIMIT_MIB * MIB);
  }, { daemon: `memory_limit = "${LIMIT_MIB}MiB"` });
});

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await work();
  return performance.now() - startMs;
}

function rate(ms: number): string {
  return `${Math.round(1024 / (ms / 1000))} MiB/s`;
}

async function peakRssMib(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Math.ceil(Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)![1]) / 1024);
}
