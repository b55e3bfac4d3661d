/** How this program starts itself. */
import { fileURLToPath } from "node:url";

/** The words that start this program: itself when compiled, else Deno with its main module. */
export function programCommand(): readonly string[] {
  if (Deno.build.standalone) return [Deno.execPath()];
  return [Deno.execPath(), "run", "--allow-all", fileURLToPath(Deno.mainModule)];
}
