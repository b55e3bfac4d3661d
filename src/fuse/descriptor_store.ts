/**
 * Where descriptors of mounts outlive this process: in the service manager's store (sd_notify(3),
 * FDSTORE=1; sd_listen_fds(3)), or with the process that has started this one (see daemon/holder.ts),
 * which speaks the same language over a socket of its own.
 */
import { type Clock, systemClock } from "../base/clock.ts";
import {
  closeDescriptor,
  type DescriptorMessage,
  sendMessage,
  setInherited,
} from "../ffi/descriptor_message.ts";
import { sendDatagram } from "../ffi/datagram.ts";
import { SystemError } from "../ffi/system_error.ts";

/** The number of the socket to the process that holds descriptors for this one. */
export const HOLDER_VARIABLE = "CLOUDMOUNT_HOLDER";
/** What it holds: "NUMBER:NAME", separated by commas. */
export const HELD_VARIABLE = "CLOUDMOUNT_HELD";

/** Before the name of a mount, so that nothing else in the store is taken for one. */
const PREFIX = "mount-";
const FIRST_LISTEN_FD = 3;
/** The receiver is busy: tried so often, with a pause. */
const TRIES_MAX = 20;
const PAUSE_MS = 50;

/** The descriptors of one mount. */
export interface HeldMount {
  /** /dev/fuse */
  readonly device: number;
  /** The hand-over log. */
  readonly log: number;
}

type Send = (message: DescriptorMessage) => void;

export class DescriptorStore {
  readonly #send: Send;
  readonly #held: Map<string, HeldMount>;
  readonly #clock: Clock;

  /** `held`: what an earlier process has left, by the names of mounts. */
  constructor(send: Send, held: Map<string, HeldMount>, clock: Clock = systemClock) {
    this.#send = send;
    this.#held = held;
    this.#clock = clock;
  }

  /** Mounts that an earlier process has left, and nobody has taken. */
  names(): string[] {
    return [...this.#held.keys()];
  }

  /** The descriptors that an earlier process has left for the mount; they are the caller's to close. */
  take(name: string): HeldMount | undefined {
    const held = this.#held.get(name);
    this.#held.delete(name);
    return held;
  }

  /** Has the descriptors kept until `drop`. Throws `SystemError`. */
  async keep(name: string, { device, log }: HeldMount): Promise<void> {
    const text = `FDSTORE=1\nFDNAME=${encodedName(name)}`;
    for (let tries = 1;; tries++) {
      try {
        return this.#send({ text, descriptors: [device, log] });
      } catch (error) {
        const isBusy = error instanceof SystemError && error.errno === "EAGAIN";
        if (!isBusy || tries === TRIES_MAX) throw error;
        await this.#clock.sleep(PAUSE_MS);
      }
    }
  }

  /** They are not needed any more. Never throws: who cannot be told closes what is dead by itself. */
  drop(name: string): void {
    try {
      const text = `FDSTOREREMOVE=1\nFDNAME=${encodedName(name)}`;
      this.#send({ text, descriptors: [] });
    } catch {
      // The mount is gone; its log costs a little memory.
    }
  }
}

/**
 * The store that outlives this process, by the variables of its environment; undefined when there is
 * none.
 */
export function findDescriptorStore(
  variable: (name: string) => string | undefined,
  pid: number,
): DescriptorStore | undefined {
  const holder = Number(variable(HOLDER_VARIABLE));
  if (holder > 0) {
    setInherited(holder, false);
    const words = (variable(HELD_VARIABLE) ?? "").split(",").filter((word) => word !== "");
    const held = words.map((word): [number, string] => {
      const split = word.indexOf(":");
      return [Number(word.slice(0, split)), word.slice(split + 1)];
    });
    return new DescriptorStore((message) => sendMessage(holder, message), heldMounts(held));
  }
  const socket = variable("NOTIFY_SOCKET");
  // FDSTORE: how many descriptors it keeps; systemd tells from 254 on, before that our unit does.
  const hasRoom = Number(variable("FDSTORE") ?? 0) > 0;
  if (socket === undefined || !/^[/@]./.test(socket) || !hasRoom) return undefined;
  const isOurs = variable("LISTEN_PID") === String(pid);
  const count = isOurs ? Number(variable("LISTEN_FDS") ?? 0) : 0;
  const names = (variable("LISTEN_FDNAMES") ?? "").split(":");
  const held = Array.from(
    { length: count },
    (_, i): [number, string] => [FIRST_LISTEN_FD + i, names[i] ?? ""],
  );
  return new DescriptorStore(
    ({ text, descriptors }) => sendDatagram(socket, text, descriptors),
    heldMounts(held),
  );
}

/** Pairs what belongs together, and closes what is of no use. */
function heldMounts(descriptors: readonly (readonly [number, string])[]): Map<string, HeldMount> {
  const parts = new Map<string, { device?: number; log?: number }>();
  for (const [fd, name] of descriptors) {
    setInherited(fd, false);
    const part = parts.get(name) ?? {};
    parts.set(name, part);
    if (targetOf(fd) === "/dev/fuse") part.device = fd;
    else part.log = fd;
  }
  const held = new Map<string, HeldMount>();
  for (const [name, { device, log }] of parts) {
    if (name.startsWith(PREFIX) && device !== undefined && log !== undefined) {
      held.set(decodeURIComponent(name.slice(PREFIX.length)), { device, log });
    } else {
      for (const fd of [device, log]) if (fd !== undefined) closeDescriptor(fd);
    }
  }
  return held;
}

/** Names in the store are ASCII without ":" (sd_notify(3)). */
function encodedName(name: string): string {
  return PREFIX + encodeURIComponent(name);
}

function targetOf(fd: number): string | undefined {
  try {
    return Deno.readLinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return undefined;
  }
}
