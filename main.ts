import { runProcess } from "./src/cli/run.ts";

Deno.exit(await runProcess(Deno.args));
