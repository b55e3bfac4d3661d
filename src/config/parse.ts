/**
 * TOML text to `Config`. The text is parsed, each table is read by the schema, [defaults] are laid
 * under each mount, and what only shows between mounts is checked last. Nothing stops at the first
 * problem but a text that is not TOML: a `ConfigError` holds all of them.
 */
import { nearest } from "../base/nearest.ts";
import { parse as parseToml, TomlError } from "smol-toml";
import { checkMounts, type ReadMount } from "./check_mounts.ts";
import { ConfigError, type ConfigProblem } from "./config_error.ts";
import { typeName } from "./kinds.ts";
import { defaultCacheDir, defaultSocket, defaultStateDir, type PathEnvironment } from "./paths.ts";
import { Problems } from "./problems.ts";
import {
  asTable,
  DAEMON_RULES,
  defaultsOf,
  fieldsOf,
  isTable,
  MOUNT_RULES,
  otherSectionHint,
  readTable,
  type Table,
} from "./read_table.ts";
import { DAEMON_KEYS, LATER_SECTIONS, MOUNT_KEYS, SECTIONS } from "./schema.ts";
import { findSecrets, SECRET_HINT } from "./secrets.ts";
import { TomlPositions } from "./toml_positions.ts";
import type { Config, DaemonConfig, MountConfig } from "./types.ts";

/** More mounts than anybody lists; checks compare all pairs. */
const MOUNTS_MAX = 256;

/** The longest socket path: sun_path without its NUL (unix(7), sys/un.h). */
const SOCKET_PATH_BYTES_MAX = { linux: 107, darwin: 103 };

/** Reads the text of `file`; throws a `ConfigError` with everything that is wrong. */
export function parseConfig(text: string, file: string, environment: PathEnvironment): Config {
  const document = parseDocument(text, file);
  const problems = new Problems(new TomlPositions(text));
  for (const path of findSecrets(document)) {
    problems.addLast(path, "looks like a secret, which must not be in this file", SECRET_HINT);
  }
  checkSections(document, problems);
  const daemon = readDaemon(document, environment, problems);
  const mounts = readMounts(document, environment.home, problems);
  checkMounts(mounts, daemon, problems);
  if (problems.found.length > 0) throw new ConfigError(file, problems.found);
  return {
    path: file,
    // Without problems every field is there: its key was written, has a default, or is optional.
    daemon: daemon as DaemonConfig,
    mounts: mounts.map((mount) => mount.values as MountConfig),
  };
}

/**
 * A config without mounts from a text with errors, to find the daemon that was started with an earlier
 * state of it: what can be made of [daemon], up to the first line that is not TOML. Undefined when that
 * tells nothing.
 */
export function salvageConfig(
  text: string,
  file: string,
  environment: PathEnvironment,
): Config | undefined {
  let document: Table = {};
  try {
    document = parseToml(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    try {
      document = parseToml(text.split("\n").slice(0, error.line - 1).join("\n"));
    } catch (inner) {
      if (!(inner instanceof TomlError)) throw inner;
    }
  }
  const daemon = readDaemon(document, environment, new Problems(new TomlPositions("")));
  if (daemon.socket === undefined || daemon.stateDir === undefined) return undefined;
  return { path: file, daemon: daemon as DaemonConfig, mounts: [] };
}

function parseDocument(text: string, file: string): Table {
  try {
    return parseToml(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // The rest of the message repeats lines of the file, which may hold a secret.
    const message = error.message.split("\n", 1)[0]!.replace(/^Invalid TOML document: /, "");
    const line = text.split(/\r?\n/)[error.line - 1] ?? "";
    const problem: ConfigProblem = {
      line: error.line,
      column: [...line.slice(0, error.column - 1)].length + 1,
      key: "",
      message: `not valid TOML: ${message}`,
      ...syntaxHint(line),
    };
    throw new ConfigError(file, [problem]);
  }
}

/** The commonest slip: text without quotes. */
function syntaxHint(line: string): { readonly hint?: string } {
  const bare = /^\s*[\w.-]+\s*=\s*(?!true\b|false\b)[A-Za-z~/]/.test(line);
  return bare ? { hint: "text needs quotes" } : {};
}

function checkSections(document: Table, problems: Problems): void {
  for (const key of Object.keys(document)) {
    if (SECTIONS.some((section) => section === key)) continue;
    if (Object.hasOwn(LATER_SECTIONS, key)) {
      problems.add([key], "not supported yet", LATER_SECTIONS[key]);
      continue;
    }
    const near = nearest(key, SECTIONS);
    const hint = near === "mount"
      ? "did you mean [[mount]]?"
      : near === undefined
      ? otherSectionHint(key, undefined)
      : `did you mean [${near}]?`;
    problems.add([key], isTable(document[key]) ? "unknown section" : "unknown key", hint);
  }
}

function readDaemon(
  document: Table,
  environment: PathEnvironment,
  problems: Problems,
): Partial<DaemonConfig> {
  const { home } = environment;
  const written = document["daemon"];
  const table = written === undefined ? {} : asTable(written, ["daemon"], problems);
  const own = table === undefined ? {} : readTable(table, ["daemon"], DAEMON_RULES, home, problems);
  const isWritten = (key: string) => table !== undefined && Object.hasOwn(table, key);
  const values: { -readonly [K in keyof DaemonConfig]?: DaemonConfig[K] } = {
    ...defaultsOf(DAEMON_KEYS, home),
    ...own,
  };
  if (!isWritten("state_dir")) {
    const stateDir = defaultStateDir(environment);
    if (stateDir !== undefined) values.stateDir = stateDir;
    else {
      problems.add(["daemon", "state_dir"], "has no default: HOME is not set", "set state_dir");
    }
  }
  if (!isWritten("cache_dir") && values.stateDir !== undefined) {
    values.cacheDir = defaultCacheDir(environment, values.stateDir);
  }
  if (!isWritten("socket") && values.stateDir !== undefined) {
    values.socket = defaultSocket(environment, values.stateDir);
  }
  const socketBytes = new TextEncoder().encode(values.socket ?? "").length;
  const most = SOCKET_PATH_BYTES_MAX[environment.os];
  if (socketBytes > most) {
    problems.add(
      ["daemon", "socket"],
      `has a path of ${socketBytes} bytes, ${most} are possible`,
      "set socket to a shorter path",
    );
  }
  return values;
}

function readMounts(
  document: Table,
  home: string | undefined,
  problems: Problems,
): readonly ReadMount[] {
  const defaults = readDefaults(document, home, problems);
  const written = document["mount"] ?? [];
  if (!Array.isArray(written)) {
    problems.add(
      ["mount"],
      `must be a list of tables, not ${typeName(written)}`,
      "write [[mount]]",
    );
    return [];
  }
  if (written.length > MOUNTS_MAX) {
    problems.add(["mount"], `there are ${written.length} mounts, ${MOUNTS_MAX} are possible`);
    return [];
  }
  return written.flatMap((element: unknown, index) => {
    const path = ["mount", index];
    if (!isTable(element)) {
      problems.add(path, `must be a table, not ${typeName(element)}`, "write [[mount]]");
      return [];
    }
    const own = readTable(element, path, MOUNT_RULES, home, problems);
    for (const field of fieldsOf(MOUNT_KEYS)) {
      const { key, required } = MOUNT_KEYS[field];
      if (required && !Object.hasOwn(element, key)) problems.add(path, `needs ${key}`);
    }
    const values = { ...defaultsOf(MOUNT_KEYS, home), ...defaults, ...own };
    checkTogether(own, values, index, problems);
    return [{ index, values }];
  });
}

function readDefaults(
  document: Table,
  home: string | undefined,
  problems: Problems,
): Partial<MountConfig> {
  const written = document["defaults"];
  const table = written === undefined ? {} : asTable(written, ["defaults"], problems);
  if (table === undefined) return {};
  return readTable(table, ["defaults"], { ...MOUNT_RULES, isDefaults: true }, home, problems);
}

/** Keys of one mount that only make sense together. */
function checkTogether(
  own: Partial<MountConfig>,
  values: Partial<MountConfig>,
  index: number,
  problems: Problems,
): void {
  if (values.sseKmsKeyId !== undefined && !values.sse?.startsWith("aws:kms")) {
    const table = own.sseKmsKeyId === undefined ? ["defaults"] : ["mount", index];
    problems.add([...table, "sse_kms_key_id"], 'needs sse = "aws:kms"');
  }
  if (own.profile !== undefined && own.credentials && own.credentials.kind !== "chain") {
    problems.add(
      ["mount", index, "profile"],
      "has no meaning with these credentials",
      'remove it, or write credentials = "chain"',
    );
  }
}
