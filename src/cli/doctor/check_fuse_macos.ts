/** What there is on macOS to mount with, and where it has to be allowed. */
import { runTool } from "../../system/run_tool.ts";
import { type Finding, Findings } from "./finding.ts";

const TOOL_MS = 10_000;

export interface MacosFusePlaces {
  /** The bundle of macFUSE. */
  readonly macfuse: string;
  /** There as long as macFUSE's kernel extension is loaded. */
  readonly device: string;
  /** The server program of FUSE-T. */
  readonly fuseT: string;
}

export const MACOS_FUSE_PLACES: MacosFusePlaces = {
  macfuse: "/Library/Filesystems/macfuse.fs",
  device: "/dev/macfuse0",
  fuseT: "/usr/local/bin/go-nfsv4",
};

export async function checkFuseMacos(
  places: MacosFusePlaces,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const findings = new Findings();
  const why = "No folder can be shown";
  findings.error("fuse", "This version mounts on Linux only", why, "Use it on Linux for now");
  const [hasMacfuse, isLoaded, hasFuseT] = await Promise.all([
    isThere(`${places.macfuse}/Contents/Resources/mount_macfuse`),
    isThere(places.device),
    isThere(places.fuseT),
  ]);
  if (hasFuseT) findings.ok("fuse.fuse_t", `FUSE-T is installed (${places.fuseT})`);
  if (hasMacfuse) {
    const version = await macfuseVersion(places.macfuse);
    if (isLoaded) findings.ok("fuse.macfuse", `macFUSE${version} is installed and loaded`);
    else {
      findings.warning(
        "fuse.macfuse",
        `macFUSE${version} is installed, but its kernel extension is not loaded`,
        "It is loaded at the first mount, if it is allowed",
        settingsPath(await macosVersion(signal)),
      );
    }
  } else if (!hasFuseT) {
    findings.error(
      "fuse.macfuse",
      "Neither macFUSE nor FUSE-T is installed",
      why,
      "brew install --cask macfuse (or from macfuse.io); without a kernel extension: brew install --cask fuse-t",
    );
  }
  return findings.list;
}

/** Where kernel extensions are allowed: macFUSE's own "Getting Started". */
export function settingsPath(macosMajor: number | undefined): string {
  const allow = macosMajor !== undefined && macosMajor < 13
    ? "System Preferences > Security & Privacy > General > (unlock) > Allow"
    : "System Settings > Privacy & Security > Security > Allow";
  return `${allow}, beside “Benjamin Fleischer”; then restart. On Apple silicon, once before: shut ` +
    "down, hold the power button, Options > Utilities > Startup Security Utility > Reduced Security " +
    "> Allow user management of kernel extensions";
}

async function macosVersion(signal: AbortSignal): Promise<number | undefined> {
  try {
    const { stdout } = await runTool("sw_vers", ["-productVersion"], TOOL_MS, signal);
    const major = parseInt(stdout, 10);
    return Number.isNaN(major) ? undefined : major;
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}

/** " 5.4.0", or "" when its Info.plist does not tell. */
async function macfuseVersion(bundle: string): Promise<string> {
  const text = await Deno.readTextFile(`${bundle}/Contents/Info.plist`).catch(() => "");
  const key = /<key>CFBundleShortVersionString<\/key>\s*<string>([^<]+)<\/string>/.exec(text);
  return key === null ? "" : ` ${key[1]}`;
}

function isThere(path: string): Promise<boolean> {
  return Deno.stat(path).then(() => true, () => false);
}
