/**
 * Runs pjdfstest (cargo install pjdfstest), the POSIX test suite for file systems, as root and with all
 * that it can ask of a Linux file system switched on. Written for its version 0.2.2.
 */
import { findProgram } from "../support/find_program.ts";
import { run, succeed } from "../support/mount_programs.ts";

export interface Result {
  readonly outcome: "ok" | "FAILED" | "skipped";
  /** Why it failed or was skipped. */
  readonly said: string;
}

export type Results = ReadonlyMap<string, Result>;

/** Two users that every system has, each with a group of its own; nothing needs to be made for them. */
const USERS = ["nobody", "daemon"] as const;
/** A test hangs when this is over: all of them take a twentieth of it. */
const SECONDS = 600;
/**
 * PATH_MAX is about the whole path, but S3's keys end after 1,024 bytes: so that a path of 4,095 bytes can
 * exist, the mount point itself has most of them.
 */
const DEEP_BYTES = 3200;
const COMPONENT_BYTES = 199;

/** Its path, or undefined when it is not installed. */
export function findPjdfstest(): string | undefined {
  return findProgram("pjdfstest", [".cargo/bin"]);
}

/**
 * All tests on the file system mounted at `mountPoint`. `scratch` is an empty directory elsewhere, with a
 * short path: some tests bind sockets, whose paths have at most 107 bytes.
 */
export async function runSuite(mountPoint: string, scratch: string): Promise<Results> {
  const config = `${scratch}/config.toml`;
  // For the tests that remount: mount(8) hands a FUSE file system to a helper that cannot, but for -i.
  await Deno.mkdir(`${scratch}/bin`);
  const mount = '#!/bin/sh\nPATH="${PATH#*:}" exec mount -i "$@"\n';
  await Deno.writeTextFile(`${scratch}/bin/mount`, mount, { mode: 0o755 });
  const ordinary = await bound(mountPoint, `${scratch}/m`, async (path) => {
    await Deno.writeTextFile(config, await configText(false));
    const all = await runTests(config, path, scratch);
    // By themselves: files left open for writing by other tests would keep it from becoming read-only.
    await Deno.writeTextFile(config, await configText(true));
    return new Map([...all, ...await runTests(config, path, scratch, "::erofs_")]);
  });
  const deep = scratch + `/${"d".repeat(COMPONENT_BYTES)}`.repeat(DEEP_BYTES / COMPONENT_BYTES);
  const long = await bound(
    mountPoint,
    deep,
    (path) => runTests(config, path, scratch, "::enametoolong_path"),
  );
  return new Map([...ordinary, ...long]);
}

/** Runs `use` while what is mounted at `from` is also mounted at `to`. */
async function bound<T>(from: string, to: string, use: (to: string) => Promise<T>): Promise<T> {
  await Deno.mkdir(to, { recursive: true });
  await succeed("mount", ["--bind", from, to]);
  try {
    return await use(to);
  } finally {
    await succeed("umount", [to]);
  }
}

async function runTests(
  config: string,
  path: string,
  elsewhere: string,
  pattern?: string,
): Promise<Results> {
  const program = findPjdfstest();
  if (program === undefined) throw new Error("Cannot find pjdfstest");
  const args = ["-c", config, "-p", path, "-s", elsewhere];
  const { stdout, stderr } = await run("sh", [
    ...["-c", 'umask 022; exec "$@"', "sh", program, ...args],
    ...(pattern === undefined ? [] : [pattern]),
  ], {
    env: { NO_COLOR: "1", PATH: `${elsewhere}/bin:${Deno.env.get("PATH")}` },
    seconds: SECONDS,
  });
  const results = parseResults(stdout);
  const total = /, (\d+) total$/m.exec(stdout)?.[1];
  if (String(results.size) !== total) {
    throw new Error(
      `Cannot read ${total} results: found ${results.size}: ${stderr.slice(0, 2000)}`,
    );
  }
  return results;
}

/** Each line "NAME   OUTCOME", with what the test said below it, indented. */
export function parseResults(output: string): Results {
  const results = new Map<string, Result>();
  let name: string | undefined;
  for (const line of output.split("\n")) {
    const [, named, outcome] = /^(\S+::\S+)\s+(ok|FAILED|skipped)$/.exec(line) ?? [];
    if (named !== undefined) {
      name = named;
      results.set(name, { outcome: outcome as Result["outcome"], said: "" });
    } else if (name !== undefined && line.startsWith("\t")) {
      const { outcome, said } = results.get(name)!;
      results.set(name, { outcome, said: `${said} ${line.trim()}`.trim() });
    }
  }
  return results;
}

async function configText(allowRemount: boolean): Promise<string> {
  const entries: string[] = [];
  for (const user of USERS) {
    const group = (await succeed("id", ["-gn", user])).trim();
    entries.push(JSON.stringify([user, group]));
  }
  return `[features]
posix_fallocate = {}
rename_ctime = {}
stat_st_birthtime = {}
utime_now = {}
utimensat = {}

[settings]
naptime = 0.01
allow_remount = ${allowRemount}

[dummy_auth]
entries = [${entries.join(", ")}]
`;
}
