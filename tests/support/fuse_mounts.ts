/**
 * Real mounts for tests. A mount served by the test's own process is used by other programs only: a
 * synchronous call into it from here would wait for itself.
 */
import { effectiveUid } from "../../src/ffi/identity.ts";
import type { FuseMount, MountOptions } from "../../src/fuse/fuse_mount.ts";
import { mountFuse } from "../../src/fuse/mount.ts";
import { MemoryFs, type MemoryFsOptions } from "./fuse_memory_fs.ts";

export interface MountedMemory {
  readonly fs: MemoryFs;
  readonly mount: FuseMount;
  /** The mount point. */
  readonly path: string;
}

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const COMMAND_SECONDS = 30;

/** Serves a `MemoryFs` in a process of its own; the script tells its arguments. */
export const MEMORY_SERVER = new URL("./fuse_serve_memory.ts", import.meta.url).pathname;

/** Why real mounts cannot be tested here, if they cannot. */
export function whyNoMount(): string | undefined {
  if (Deno.build.os !== "linux") return "not Linux";
  try {
    Deno.statSync("/dev/fuse");
  } catch {
    return "there is no /dev/fuse";
  }
  return effectiveUid() === 0 ? undefined : "not root";
}

/** A test that needs root and /dev/fuse; without them it is skipped and says so. */
export function mountTest(name: string, run: () => Promise<void>): void {
  const reason = whyNoMount();
  if (reason !== undefined) {
    Deno.stderr.writeSync(new TextEncoder().encode(`skipped: ${name}: ${reason}\n`));
  }
  Deno.test({ name, ignore: reason !== undefined, fn: run });
}

/** Runs `use` with an empty folder, and detaches whatever is left mounted in it. */
export async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "cloudmount-mount-" });
  try {
    await use(folder);
  } finally {
    for (const line of (await Deno.readTextFile("/proc/self/mountinfo")).split("\n").reverse()) {
      const mountPoint = line.split(" ")[4];
      if (mountPoint?.startsWith(folder)) await run("umount", ["-l", mountPoint]);
    }
    await Deno.remove(folder, { recursive: true });
  }
}

/** Runs `use` with a mounted `MemoryFs`, and checks afterwards that every handle was released. */
export async function withMount(
  use: (mounted: MountedMemory) => Promise<void>,
  options: Partial<MountOptions> & MemoryFsOptions = {},
): Promise<void> {
  await withFolder(async (folder) => {
    const fs = new MemoryFs(options);
    const mount = await mountMemory(fs, `${folder}/m`, options);
    try {
      await use({ fs, mount, path: mount.mountPoint });
    } finally {
      await mount.unmount({ force: true });
    }
  });
}

export function mountMemory(
  fs: MemoryFs,
  mountPoint: string,
  options: Partial<MountOptions> = {},
): Promise<FuseMount> {
  const all = { mountPoint, name: "test", allowOther: false, readOnly: false, ...options };
  return mountFuse(fs, all, AbortSignal.timeout(20_000));
}

/** Runs a program to its end, killed after 30 seconds. */
export async function run(
  program: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Finished> {
  const { code, stdout, stderr } = await new Deno.Command("timeout", {
    args: ["-s", "KILL", String(COMMAND_SECONDS), program, ...args],
    env,
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** Runs a shell script with `$M` the mount point; returns what it printed, throws when it failed. */
export async function sh(path: string, script: string): Promise<string> {
  const { code, stdout, stderr } = await run("sh", ["-euc", script], { M: path });
  if (code !== 0) throw new Error(`exit code ${code}: ${stderr}${stdout}`);
  return stdout;
}

/** Repeats `check`, which starts a program or waits otherwise, until it is true; throws after 10 s. */
export async function eventually(what: string, check: () => Promise<boolean>): Promise<void> {
  const giveUpMs = performance.now() + 10_000;
  while (!await check()) {
    if (performance.now() > giveUpMs) throw new Error(`It never happened: ${what}`);
  }
}

/** Starts a program and resolves when its first line of output was read. */
export async function start(program: string, args: readonly string[]) {
  const child = new Deno.Command(program, {
    args: [...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.getReader();
  let line = "";
  while (!line.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) break;
    line += new TextDecoder().decode(value);
  }
  const end = async () => {
    while (!(await reader.read()).done);
    reader.releaseLock();
    await child.stdin.close().catch(() => {});
    return await child.status;
  };
  return { child, firstLine: line.trim(), end };
}

/**
 * Mounts at `folder`/m by a process of its own, which `kill` ends as a crash does. The kernel knows the
 * root's attributes for a minute from now on, whoever is dead.
 */
export async function serveMemory(folder: string) {
  const mountPoint = `${folder}/m`;
  const server = await start(Deno.execPath(), ["run", "-A", MEMORY_SERVER, mountPoint]);
  if (server.firstLine !== "mounted") throw new Error(server.firstLine);
  await sh(mountPoint, "stat $M");
  const kill = async () => {
    server.child.kill("SIGKILL");
    await server.end();
  };
  return { mountPoint, kill };
}
