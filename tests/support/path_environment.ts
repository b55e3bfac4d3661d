/** Where a user's files are, for tests. */
import type { PathEnvironment } from "../../src/config/paths.ts";

/** Of a user of Linux for whom nothing but `more` is set, at work in the root folder. */
export function pathEnvironment(
  home: string,
  more: Partial<PathEnvironment> = {},
): PathEnvironment {
  return {
    os: "linux",
    home,
    configFile: undefined,
    xdgConfigHome: undefined,
    xdgStateHome: undefined,
    xdgCacheHome: undefined,
    xdgRuntimeDir: undefined,
    workingDirectory: "/",
    ...more,
  };
}
