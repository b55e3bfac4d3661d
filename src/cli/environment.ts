/** The environment of the process, read once and handed down; nothing else reads `Deno.env`. */
import { hostOs } from "../base/errno.ts";
import type { PathEnvironment } from "../config/paths.ts";

export interface Environment extends PathEnvironment {
  /** Colours are unwanted (see no-color.org: any non-empty value of NO_COLOR). */
  readonly noColor: boolean;
  /** The value of any other variable, for example those that `credentials = {...}` names. */
  variable(name: string): string | undefined;
}

/** Reads the variables this program obeys. */
export function readEnvironment(): Environment {
  const variable = (name: string) => Deno.env.get(name);
  return {
    os: hostOs(),
    home: absolute(variable("HOME")),
    configFile: nonEmpty(variable("CLOUDMOUNT_CONFIG")),
    xdgConfigHome: absolute(variable("XDG_CONFIG_HOME")),
    xdgStateHome: absolute(variable("XDG_STATE_HOME")),
    xdgCacheHome: absolute(variable("XDG_CACHE_HOME")),
    xdgRuntimeDir: absolute(variable("XDG_RUNTIME_DIR")),
    workingDirectory: Deno.cwd(),
    noColor: nonEmpty(variable("NO_COLOR")) !== undefined || variable("TERM") === "dumb",
    variable,
  };
}

function nonEmpty(value: string | undefined): string | undefined {
  return value === "" ? undefined : value;
}

/** The XDG base directory specification: paths must be absolute, a relative one is ignored. */
function absolute(value: string | undefined): string | undefined {
  return value?.startsWith("/") ? value : undefined;
}
