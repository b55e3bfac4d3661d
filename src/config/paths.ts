/**
 * Where files live, by the XDG base directory specification on Linux and Apple's library folders on
 * macOS. Pure functions of values that the command line read from the environment.
 */

/** What of the environment decides about paths. Relative XDG values are already left out. */
export interface PathEnvironment {
  readonly os: "linux" | "darwin";
  readonly home: string | undefined;
  /** `CLOUDMOUNT_CONFIG`. */
  readonly configFile: string | undefined;
  readonly xdgConfigHome: string | undefined;
  readonly xdgStateHome: string | undefined;
  readonly xdgCacheHome: string | undefined;
  readonly xdgRuntimeDir: string | undefined;
  /** Absolute; relative paths given on the command line start here. */
  readonly workingDirectory: string;
}

/** The config file: `--config`, `$CLOUDMOUNT_CONFIG`, then the XDG place; undefined without a home. */
export function configFilePath(
  environment: PathEnvironment,
  option: string | undefined,
): string | undefined {
  const named = option ?? environment.configFile;
  if (named !== undefined) {
    const expanded = expandHome(named, environment.home) ?? named;
    return normalizePath(
      expanded.startsWith("/") ? expanded : `${environment.workingDirectory}/${expanded}`,
    );
  }
  const base = environment.xdgConfigHome ?? under(environment.home, ".config");
  return under(base, "cloudmount.toml");
}

/** The state directory when `[daemon] state_dir` is not set; undefined without a home. */
export function defaultStateDir(environment: PathEnvironment): string | undefined {
  if (environment.os === "darwin") {
    return under(environment.home, "Library/Application Support/cloudmount");
  }
  const base = environment.xdgStateHome ?? under(environment.home, ".local/state");
  return under(base, "cloudmount");
}

/** The cache directory when `[daemon] cache_dir` is not set. */
export function defaultCacheDir(environment: PathEnvironment, stateDir: string): string {
  if (environment.os === "darwin") {
    return under(environment.home, "Library/Caches/cloudmount") ?? `${stateDir}/cache`;
  }
  const base = environment.xdgCacheHome ?? under(environment.home, ".cache");
  return under(base, "cloudmount") ?? `${stateDir}/cache`;
}

/** The control socket when `[daemon] socket` is not set. */
export function defaultSocket(environment: PathEnvironment, stateDir: string): string {
  return environment.os === "linux" && environment.xdgRuntimeDir !== undefined
    ? `${environment.xdgRuntimeDir}/cloudmount/control.sock`
    : `${stateDir}/control.sock`;
}

/** Where damaged parts of the state are set aside, for people to look at. */
export function lostAndFoundDirectory(stateDir: string): string {
  return `${stateDir}/lost+found`;
}

/**
 * The log file of the daemon. On macOS those of the daemon with the default state directory are where the
 * system's Console looks for logs; another one keeps its own with its state.
 */
export function logFilePath(os: PathEnvironment["os"], stateDir: string): string {
  const home = os === "darwin"
    ? stateDir.replace(/\/Library\/Application Support\/cloudmount$/, "")
    : stateDir;
  return home === stateDir
    ? `${stateDir}/logs/cloudmount.log`
    : `${home}/Library/Logs/cloudmount/cloudmount.log`;
}

/** "~" and "~/x" with the home directory; other paths as they are; undefined without a home. */
export function expandHome(path: string, home: string | undefined): string | undefined {
  if (path !== "~" && !path.startsWith("~/")) return path;
  return home === undefined ? undefined : `${home}${path.slice(1)}`;
}

/** An absolute path without "." and "..", doubled or closing slashes. Links are not followed. */
export function normalizePath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

/** Whether normalised `path` is `directory` or lies inside it. */
export function isWithin(path: string, directory: string): boolean {
  return directory === "/" || path === directory || path.startsWith(`${directory}/`);
}

function under(base: string | undefined, name: string): string | undefined {
  return base === undefined ? undefined : `${base}/${name}`;
}
