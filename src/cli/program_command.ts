/** How this program starts itself. */
import { fileURLToPath } from "node:url";

/** The words that start this program: itself when compiled, else Deno with its main module. */
export function programCommand(): readonly string[] {
  if (Deno.build.standalone) return [Deno.execPath()];
  return [Deno.execPath(), "run", "--allow-all", fileURLToPath(Deno.mainModule)];
}

/**
 * Variables for a daemon's runtime. While there is work it looks for input and output after every 61 pieces
 * of it; with many mounts in use a request to S3, or for the status, waited half a second for that.
 */
export const DAEMON_VARIABLES: Readonly<Record<string, string>> = {
  DENO_TOKIO_EVENT_INTERVAL: "2",
};
