/**
 * The kernel sends INTERRUPT for any signal that the caller of an operation gets, once, and then waits
 * for the reply whatever comes. Most signals mean nothing here: git's progress timer, Go's preemption,
 * a resized terminal, a system going to sleep; programs do not expect EINTR from a file for them.
 * So the operation is aborted only when the caller is being killed, or was asked to stop (SIGHUP,
 * SIGINT, SIGQUIT, SIGTERM) - which is looked up, and looked up again while the operation lasts.
 */
import type { Clock } from "../base/clock.ts";

/** How long a kill that follows a harmless signal may go unnoticed. */
const LOOK_AGAIN_MS = 100;

const bit = (signal: number) => 1n << BigInt(signal - 1);
/** SIGHUP, SIGINT, SIGQUIT, SIGTERM: they say "stop" also to a program that catches them. */
const ASKS_TO_STOP = bit(1) | bit(2) | bit(3) | bit(15);
/** SIGCHLD, SIGCONT, SIGURG, SIGWINCH do nothing by default; SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU pause. */
const HARMLESS_BY_DEFAULT = bit(17) | bit(18) | bit(23) | bit(28) | bit(19) | bit(20) | bit(21) |
  bit(22);

/** True when thread `pid` should get its call back; false when `over` fires before that. */
export async function callerGivesUp(
  pid: number,
  clock: Clock,
  over: AbortSignal,
  readStatus: (pid: number) => string | undefined = readProcStatus,
): Promise<boolean> {
  try {
    while (!givesUp(readStatus(pid))) await clock.sleep(LOOK_AGAIN_MS, over);
    return true;
  } catch {
    return false;
  }
}

/** Judges /proc/PID/status (proc_pid_status(5)); an unreadable one means that the caller is not to be seen. */
export function givesUp(status: string | undefined): boolean {
  if (status === undefined) return true;
  const mask = (name: string) => {
    const hex = new RegExp(`^${name}:\\s*([0-9a-f]+)$`, "m").exec(status)?.[1];
    return hex === undefined ? 0n : BigInt(`0x${hex}`);
  };
  const pending = (mask("SigPnd") | mask("ShdPnd")) & ~mask("SigBlk") & ~mask("SigIgn");
  const caught = mask("SigCgt");
  return (pending & ~caught & ~HARMLESS_BY_DEFAULT) !== 0n ||
    (pending & caught & ASKS_TO_STOP) !== 0n;
}

function readProcStatus(pid: number): string | undefined {
  try {
    // Made from memory by the kernel without taking the caller's locks: it does not wait.
    return Deno.readTextFileSync(`/proc/${pid}/status`);
  } catch {
    return undefined;
  }
}
