/** The effective config for people and programs; it holds no secrets, as `Config` holds none. */
import { fieldsOf } from "./read_table.ts";
import { DAEMON_KEYS, MOUNT_KEYS, type Rows } from "./schema.ts";
import type { Config } from "./types.ts";

/** A value as it would stand in the file; null where nothing is set. */
export type WrittenValue = string | number | boolean | Readonly<Record<string, string>> | null;

export type WrittenTable = Readonly<Record<string, WrittenValue>>;

/** The config under the file's own keys, every key present. */
export interface WrittenConfig {
  readonly path: string;
  readonly daemon: WrittenTable;
  readonly mount: readonly WrittenTable[];
}

/** For `config show --json`. */
export function writtenConfig(config: Config): WrittenConfig {
  return {
    path: config.path,
    daemon: writtenTable(DAEMON_KEYS, config.daemon),
    mount: config.mounts.map((mount) => writtenTable(MOUNT_KEYS, mount)),
  };
}

function writtenTable<T>(rows: Rows<T>, values: T): WrittenTable {
  const table: Record<string, WrittenValue> = {};
  for (const field of fieldsOf(rows)) {
    const { key, written } = rows[field];
    const value = values[field];
    if (value === undefined || value === null) table[key] = null;
    else if (written !== undefined) table[key] = written(value as Exclude<T[keyof T], undefined>);
    else if (typeof value === "number" || typeof value === "boolean") table[key] = value;
    else table[key] = String(value);
  }
  return table;
}

/** For `config show`: TOML, with a comment where nothing is set. */
export function formatConfig(config: Config): string {
  const { daemon, mount } = writtenConfig(config);
  return [
    `# ${config.path}`,
    "[daemon]",
    ...formatTable(DAEMON_KEYS, daemon),
    ...mount.flatMap((table) => ["", "[[mount]]", ...formatTable(MOUNT_KEYS, table)]),
  ].join("\n");
}

function formatTable<T>(rows: Rows<T>, table: WrittenTable): string[] {
  return fieldsOf(rows).map((field) => {
    const { key, otherwise } = rows[field];
    const value = table[key] ?? null;
    return value === null ? `# ${key}: ${otherwise}` : `${key} = ${formatValue(value)}`;
  });
}

// What JSON calls a string, number or boolean is one in TOML too: config values have no control
// characters, whose escapes are the difference.
function formatValue(value: Exclude<WrittenValue, null>): string {
  if (typeof value !== "object") return JSON.stringify(value);
  const pairs = Object.entries(value).map(([key, inner]) => `${key} = ${JSON.stringify(inner)}`);
  return `{ ${pairs.join(", ")} }`;
}
