/**
 * Holds the descriptors of a daemon's mounts and starts it again when it dies, so that to programs its
 * death is a pause. Speaks to it as a service manager does (fuse/descriptor_store.ts), and knows nothing
 * else: what is not here cannot fail.
 */
import { type Clock, systemClock } from "../base/clock.ts";
import {
  closeDescriptor,
  type DescriptorMessage,
  receiveMessage,
  setInherited,
  socketPair,
  waitForMessage,
} from "../ffi/descriptor_message.ts";
import { HELD_VARIABLE, HOLDER_VARIABLE } from "../fuse/descriptor_store.ts";

/** The daemon ends to be started again: by us, or by a service manager. */
export const RESTART_EXIT = 75;
/** Why the daemon is not to mount anything; absent: it is to. */
export const CRASHED_VARIABLE = "CLOUDMOUNT_CRASHED";

/** Wrong usage, or an error in the config file: trying again does not help. */
const FINAL_EXITS: ReadonlySet<number> = new Set([0, 2, 3]);
/** A daemon that ends so soon, and has left nothing to hold, could not start. */
const STARTED_MS = 2000;
/** Too many crashes within this time are a loop. */
const LOOP_MS = 60_000;
/** A child of the daemon may have the socket still. */
const LAST_MESSAGES_MS = 200;

export interface HolderOptions {
  /** The daemon's command line. */
  readonly command: readonly string[];
  /** Fires when the daemon is to end. */
  readonly end: AbortSignal;
  /** A line for the log. */
  readonly say: (line: string) => void;
  /** So many crashes within a minute are a loop. */
  readonly crashesMax: number;
  readonly clock?: Clock;
}

/** Resolves with the exit code of the last daemon. */
export async function holdDaemon(options: HolderOptions): Promise<number> {
  return await new Holder(options).run();
}

class Holder {
  readonly #options: HolderOptions;
  readonly #clock: Clock;
  /** By name, in the order in which they came. */
  readonly #held = new Map<string, readonly number[]>();
  #crashesMs: number[] = [];

  constructor(options: HolderOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  async run(): Promise<number> {
    const { end, say } = this.#options;
    for (let hasStarted = false;;) {
      const startMs = this.#clock.monotonicMs();
      const { code, signal } = await this.#runOnce(undefined);
      const ranMs = this.#clock.monotonicMs() - startMs;
      hasStarted ||= this.#held.size > 0 || ranMs > STARTED_MS;
      if (FINAL_EXITS.has(code) || end.aborted || !hasStarted) return code;
      if (code === RESTART_EXIT) continue;
      const how = signal === null ? `with code ${code}` : `by ${signal}`;
      if (this.#isLoop()) return await this.#giveUp(how);
      say(`The daemon has ended ${how} and is started again`);
    }
  }

  /** Notes a crash; true when there were too many. */
  #isLoop(): boolean {
    const nowMs = this.#clock.monotonicMs();
    this.#crashesMs = [...this.#crashesMs.filter((ms) => nowMs - ms < LOOP_MS), nowMs];
    return this.#crashesMs.length >= this.#options.crashesMax;
  }

  /** What is held goes, so that nobody waits for ever; the last daemon only tells why. */
  async #giveUp(how: string): Promise<number> {
    const times = this.#crashesMs.length;
    const why = `the daemon has crashed ${times} times within a minute, at last ${how}`;
    this.#options.say(`Nothing is served any more: ${why}`);
    for (const name of [...this.#held.keys()]) this.#drop(name);
    return (await this.#runOnce(why)).code;
  }

  async #runOnce(crashed: string | undefined): Promise<Deno.CommandStatus> {
    const [ours, childs] = socketPair();
    try {
      const child = this.#spawn(childs, crashed);
      const onEnd = () => terminate(child);
      this.#options.end.addEventListener("abort", onEnd);
      if (this.#options.end.aborted) onEnd();
      const listening = this.#listen(ours);
      const status = await child.status;
      this.#options.end.removeEventListener("abort", onEnd);
      await Promise.race([listening, this.#clock.sleep(LAST_MESSAGES_MS)]);
      return status;
    } finally {
      closeDescriptor(ours);
    }
  }

  #spawn(socket: number, crashed: string | undefined): Deno.ChildProcess {
    const [program, ...args] = this.#options.command;
    const held = [...this.#held].flatMap(([name, fds]) => fds.map((fd) => `${fd}:${name}`));
    const inherited = [socket, ...[...this.#held.values()].flat()];
    for (const fd of inherited) setInherited(fd, true);
    try {
      return new Deno.Command(program!, {
        args,
        env: {
          [HOLDER_VARIABLE]: String(socket),
          [HELD_VARIABLE]: held.join(","),
          ...(crashed === undefined ? {} : { [CRASHED_VARIABLE]: crashed }),
        },
        stdin: "null",
        stdout: "inherit",
        stderr: "inherit",
      }).spawn();
    } finally {
      for (const fd of inherited) setInherited(fd, false);
      closeDescriptor(socket);
    }
  }

  async #listen(socket: number): Promise<void> {
    for (;;) {
      await waitForMessage(socket);
      for (let message; (message = receiveMessage(socket)) !== undefined;) {
        if (message === "ended") return;
        this.#take(message);
      }
    }
  }

  #take({ text, descriptors }: DescriptorMessage): void {
    const fields = new Map(
      text.split("\n").map((line) => {
        const split = line.indexOf("=");
        return [line.slice(0, split), line.slice(split + 1)];
      }),
    );
    const name = fields.get("FDNAME");
    if (name !== undefined && fields.get("FDSTOREREMOVE") === "1") this.#drop(name);
    if (name !== undefined && fields.get("FDSTORE") === "1") {
      this.#drop(name);
      this.#held.set(name, descriptors);
    } else {
      for (const fd of descriptors) closeDescriptor(fd);
    }
  }

  #drop(name: string): void {
    for (const fd of this.#held.get(name) ?? []) closeDescriptor(fd);
    this.#held.delete(name);
  }
}

function terminate(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGTERM");
  } catch {
    // It has ended.
  }
}
