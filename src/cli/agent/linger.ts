/** Whether systemd keeps a user's manager running without a login: loginctl(1), "enable-linger". */
import { runTool } from "../../system/run_tool.ts";

const LOGINCTL_MS = 10_000;

/** Undefined when logind does not tell. */
export async function isLingering(uid: number, signal: AbortSignal): Promise<boolean | undefined> {
  try {
    const args = ["show-user", String(uid), "--property=Linger", "--value"];
    const { code, stdout } = await runTool("loginctl", args, LOGINCTL_MS, signal);
    if (code !== 0) return undefined;
    return stdout.trim() === "yes" ? true : stdout.trim() === "no" ? false : undefined;
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}
