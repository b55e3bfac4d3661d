import assert from "node:assert/strict";
import { acquireInstanceLock, AlreadyRunningError } from "./instance_lock.ts";

/** Takes the lock in a process of its own, says so, and holds it until its stdin ends. */
function holderScript(stateDir: string): string {
  const module = import.meta.resolve("./instance_lock.ts");
  return `
    import { acquireInstanceLock } from ${JSON.stringify(module)};
    await acquireInstanceLock(${JSON.stringify(stateDir)});
    await Deno.stdout.write(new Uint8Array([1]));
    await Deno.stdin.read(new Uint8Array(1));
  `;
}

Deno.test("The instance lock of another process is refused with its pid, and free after kill -9", async () => {
  const stateDir = await Deno.makeTempDir();
  const script = `${stateDir}/holder.ts`;
  await Deno.writeTextFile(script, holderScript(stateDir));
  const holder = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", script],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  try {
    const reader = holder.stdout.getReader();
    assert.equal((await reader.read()).value?.[0], 1);
    await reader.cancel();
    await assert.rejects(
      acquireInstanceLock(stateDir),
      (error: unknown) => error instanceof AlreadyRunningError && error.pid === holder.pid,
    );
  } finally {
    holder.kill("SIGKILL");
    await holder.stdin.close().catch(() => {});
    await holder.status;
  }
  const lock = await acquireInstanceLock(stateDir);
  assert.equal(await Deno.readTextFile(`${stateDir}/daemon.lock`), `${Deno.pid}\n`);
  lock.release();
  await Deno.remove(stateDir, { recursive: true });
});

Deno.test("The instance lock can be taken again after its release", async () => {
  const stateDir = await Deno.makeTempDir();
  (await acquireInstanceLock(stateDir)).release();
  (await acquireInstanceLock(stateDir)).release();
  await Deno.remove(stateDir, { recursive: true });
});
