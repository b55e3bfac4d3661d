import type { StatusDocument } from "../../control/protocol.ts";
import type { CommandContext } from "../command.ts";
import { describeTrouble } from "./_control.ts";

/** Says that the daemon runs, and how its mounts are. */
export function showStarted({ output }: CommandContext, status: StatusDocument): void {
  const mounted = status.mounts.filter(({ state }) => state === "mounted" || state === "degraded");
  output.show(status, () =>
    [
      `The daemon runs (pid ${status.pid})`,
      ...mounted.map(({ name, mount_point }) => `  ${name} is mounted at ${mount_point}`),
    ].join("\n"));
  for (const { name, state, error } of status.mounts) {
    if (error !== null) output.warning(`${name} is ${state}: ${describeTrouble(error)}`);
    else if (state === "starting") output.warning(`${name} is still starting`);
  }
}
