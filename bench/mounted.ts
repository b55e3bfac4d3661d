/** One peer's mounts, from their start to their end. */
import { Child, findProgram, run, until } from "./child.ts";
import type { MountPlace, Peer, Site } from "./peers/peer.ts";
import { resetPeaks, type Usage, usageOf } from "./processes.ts";

const START_MS = 30_000;
/** Programs that were just started have something to do yet. */
const SETTLE_MS = 300;

export class Mounted {
  readonly #peer: Peer;
  readonly #site: Site;
  #children: Child[] = [];

  constructor(peer: Peer, site: Site) {
    this.#peer = peer;
    this.#site = site;
  }

  /** Resolves when all places are mounted, and a moment later. */
  async start(): Promise<void> {
    const commands = await this.#peer.commands(this.#site);
    this.#children = commands.map((command) => new Child(command));
    await until(`${this.#peer.name} has mounted`, START_MS, () => {
      const ended = this.#children.find(({ hasEnded }) => hasEnded);
      if (ended !== undefined) {
        throw new Error(`Cannot mount: ${this.#peer.name} ended: ${ended.lastWords}`);
      }
      const mounted = mountPoints();
      return this.#site.places.every(({ path }) => mounted.has(path));
    });
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  }

  usage(): Usage {
    return usageOf(this.#pids);
  }

  resetPeaks(): void {
    resetPeaks(this.#pids);
  }

  async flush(): Promise<void> {
    await this.#peer.flush?.(this.#site);
  }

  /** Unmounts; the programs end by that, by SIGTERM, or by force. */
  async stop(): Promise<void> {
    for (const { path } of this.#places) await unmount(path);
    await Promise.all(this.#children.map((child) => child.end("SIGTERM")));
    this.#children = [];
    await this.#forget();
  }

  /** Whoever waits for an answer gets an error; nothing is left. */
  async kill(): Promise<void> {
    await Promise.all(this.#children.map((child) => child.end("SIGKILL")));
    this.#children = [];
    await this.#forget();
  }

  get lastWords(): string {
    return this.#children.map(({ lastWords }) => lastWords).join("\n");
  }

  get #places(): readonly MountPlace[] {
    return [...this.#site.places, ...this.#site.neighbours];
  }

  get #pids(): number[] {
    return this.#children.map(({ pid }) => pid);
  }

  async #forget(): Promise<void> {
    for (const { path } of this.#places) {
      if (mountPoints().has(path)) await run("umount", ["-l", path]);
      // Removing a directory with a live mount in it would empty the bucket.
      if (mountPoints().has(path)) throw new Error(`Cannot clean up: ${path} is still mounted`);
    }
  }
}

/** False while a program still uses it; the program that serves it is then ended otherwise. */
async function unmount(path: string): Promise<boolean> {
  if (!mountPoints().has(path)) return true;
  for (const program of ["umount", "fusermount3", "fusermount"]) {
    const found = findProgram(program);
    if (found === undefined) continue;
    const { code } = await run(found, program === "umount" ? [path] : ["-u", path]);
    if (code === 0) return true;
  }
  return false;
}

/** Removes a directory with all in it; false, and nothing is removed, while something is mounted there. */
export async function removeUnmounted(folder: string): Promise<boolean> {
  // Removing a directory with a live mount in it would empty the bucket.
  if ([...mountPoints()].some((path) => path.startsWith(`${folder}/`))) return false;
  await Deno.remove(folder, { recursive: true });
  return true;
}

function mountPoints(): Set<string> {
  const table = Deno.readTextFileSync("/proc/self/mountinfo");
  return new Set(table.split("\n").map((line) => line.split(" ")[4] ?? ""));
}
