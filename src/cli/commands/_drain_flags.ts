/** `--timeout` and `--force`, as stop, restart and unmount take them. */
import { message } from "@optique/core/message";
import { withDefault } from "@optique/core/modifiers";
import { option } from "@optique/core/primitives";
import { duration } from "../arguments.ts";

const DEFAULT_MS = 60_000;

export const drainFlags = {
  timeoutMs: withDefault(
    option("--timeout", duration(), {
      description: message`How long to wait for uploads before giving up.`,
    }),
    DEFAULT_MS,
  ),
  force: option("--force", {
    description:
      message`Do not wait for uploads, and detach folders that are in use. Nothing is dropped: what is pending stays in the journal and goes up at the next start.`,
  }),
};
