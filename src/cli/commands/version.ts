import { map } from "@optique/core/modifiers";
import { object } from "@optique/core/constructs";
import type { Command } from "../command.ts";
import { EXIT } from "../exit_codes.ts";
import { VERSION, versionText } from "../version.ts";

export const command: Command = {
  description: "Prints the version of the program and of the runtime in it.",
  parser: map(object({}), () => ({ output }) => {
    output.show(
      {
        version: VERSION,
        os: Deno.build.os,
        arch: Deno.build.arch,
        deno: Deno.version.deno,
      },
      versionText,
    );
    return EXIT.done;
  }),
  takesJson: true,
  examples: [
    { line: "cloudmount version", meaning: "one line" },
    { line: "cloudmount version --json", meaning: "for programs" },
  ],
  exitCodes: [],
};
