/** The text of the LaunchAgent: launchd.plist(5). */
import { build, parse, type PlistValue } from "plist";
import type { AgentProgram } from "./agent.ts";

export interface LaunchdPlaces {
  readonly label: string;
  /** What the daemon says outside its log. An absolute path; launchd makes the file, not its folder. */
  readonly outputPath: string;
}

/** Agents get a PATH without the places of package managers, where helpers of credentials are. */
const SEARCH_PATH = "/opt/homebrew/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";

/** Fills the template `launchd/cloudmount.plist`. */
export function launchdPlist(
  template: string,
  program: AgentProgram,
  places: LaunchdPlaces,
): string {
  const value: PlistValue = {
    Label: places.label,
    ProgramArguments: [...program.command],
    EnvironmentVariables: { PATH: SEARCH_PATH, ...program.environment },
    StandardOutPath: places.outputPath,
    StandardErrorPath: places.outputPath,
    ...parse(template) as Record<string, PlistValue>,
  };
  const head = `<!-- Written by "cloudmount install-agent", which overwrites it. -->\n` +
    `<!-- Build: ${program.build} -->\n`;
  return `${build(value).replace("<plist ", `${head}<plist `)}\n`;
}

/** Whether a plist made by `launchdPlist` runs the daemon with this config file. */
export function runsConfig(plist: string, configPath: string): boolean {
  const { ProgramArguments } = parse(plist) as { readonly ProgramArguments?: readonly string[] };
  return ProgramArguments?.at(-1) === configPath;
}
