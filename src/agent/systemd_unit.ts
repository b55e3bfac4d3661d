/** The text of the systemd unit: systemd.unit(5), systemd.service(5), "Command lines". */
import type { AgentProgram } from "./agent.ts";

/**
 * Fills the template `systemd/cloudmount.service`. Lines marked `@SINCE N@` are for systemd N and later:
 * an older one would warn of each at every login. `version` undefined: not known, all are kept.
 */
export function systemdUnit(
  template: string,
  program: AgentProgram,
  version: number | undefined,
): string {
  const environment = Object.entries(program.environment)
    .map(([name, value]) => `Environment=${quoted(`${name}=${value}`)}`);
  const fillings: Readonly<Record<string, string>> = {
    BUILD: program.build,
    COMMAND: program.command.map(commandWord).join(" "),
    ENVIRONMENT: environment.join("\n"),
  };
  return template
    .replace(
      /^@SINCE (\d+)@(.*\n)/gm,
      (_, since, line) => version === undefined || version >= Number(since) ? line : "",
    )
    .replace(/@([A-Z]+)@/g, (_, name) => fillings[name] ?? "")
    .replace(/\n{3,}/g, "\n\n");
}

/** Whether a unit made by `systemdUnit` runs the daemon with this config file. */
export function runsConfig(unit: string, configPath: string): boolean {
  const end = ` --config ${commandWord(configPath)}`;
  return unit.split("\n").some((line) => line.startsWith("ExecStart=") && line.endsWith(end));
}

/** In commands a dollar sign would begin a variable. */
function commandWord(word: string): string {
  return quoted(word).replaceAll("$", "$$$$");
}

/** One word, whatever is in it: specifiers ("%h") and escapes lose their meaning. */
function quoted(word: string): string {
  const escaped = word.replaceAll("%", "%%").replace(
    // deno-lint-ignore no-control-regex -- a line break would end the setting
    /["\\\x00-\x1f\x7f]/g,
    (character) =>
      character === '"' || character === "\\"
        ? `\\${character}`
        : `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
  return /^[\w@%+=:,./-]+$/.test(escaped) ? escaped : `"${escaped}"`;
}
