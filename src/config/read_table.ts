/** One table of the document against its rows of the schema. */
import { nearest } from "../base/nearest.ts";
import { typeName } from "./kinds.ts";
import type { Problems } from "./problems.ts";
import { DAEMON_KEYS, type KeyRow, LATER_KEYS, MOUNT_KEYS, type Rows } from "./schema.ts";
import type { TomlPath } from "./toml_positions.ts";

export type Table = Readonly<Record<string, unknown>>;

/** A table as the library gives it; dates are objects too. */
export function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !(value instanceof Date);
}

/** Which rows a table is read with. */
export interface TableRules<T> {
  readonly rows: Rows<T>;
  readonly later: Readonly<Record<string, string>>;
  /** For [defaults]: `ownOnly` rows are refused. */
  readonly isDefaults: boolean;
}

export const DAEMON_RULES: TableRules<TypeOf<typeof DAEMON_KEYS>> = {
  rows: DAEMON_KEYS,
  later: LATER_KEYS.daemon,
  isDefaults: false,
};

export const MOUNT_RULES: TableRules<TypeOf<typeof MOUNT_KEYS>> = {
  rows: MOUNT_KEYS,
  later: LATER_KEYS.mount,
  isDefaults: false,
};

type TypeOf<R> = R extends Rows<infer T> ? T : never;

/** The fields of rows, with their types. */
export function fieldsOf<T>(rows: Rows<T>): (keyof T)[] {
  return Object.keys(rows) as (keyof T)[];
}

/** The values of the keys that `table` writes; everything wrong goes to `problems`. */
export function readTable<T>(
  table: Table,
  path: TomlPath,
  rules: TableRules<T>,
  home: string | undefined,
  problems: Problems,
): Partial<T> {
  const values: Partial<T> = {};
  const fields = new Map(fieldsOf(rules.rows).map((field) => [rules.rows[field].key, field]));
  for (const [key, value] of Object.entries(table)) {
    const field = fields.get(key);
    if (field !== undefined) {
      const row = rules.rows[field];
      if (rules.isDefaults && row.ownOnly) {
        problems.add([...path, key], "cannot have a default", "write it into each [[mount]]");
        continue;
      }
      const result = checkValue(row, value, [...path, key], home, problems);
      if (result !== undefined) values[field] = result;
      continue;
    }
    if (Object.hasOwn(rules.later, key)) {
      problems.add([...path, key], "not supported yet", rules.later[key]);
    } else problems.add([...path, key], "unknown key", unknownKeyHint(key, path, rules));
  }
  return values;
}

/** A row's value, or undefined when it is wrong. */
function checkValue<T>(
  row: KeyRow<T>,
  value: unknown,
  path: TomlPath,
  home: string | undefined,
  problems: Problems,
): T | undefined {
  const checked = row.kind(value, home);
  if (checked.ok) return checked.value;
  for (const { at = [], message, hint } of checked.problems) {
    problems.add([...path, ...at], message, hint);
  }
  return undefined;
}

function unknownKeyHint<T>(key: string, path: TomlPath, rules: TableRules<T>): string | undefined {
  const rows = fieldsOf(rules.rows).map((field) => rules.rows[field]);
  const known = rows.filter((row) => !(rules.isDefaults && row.ownOnly)).map((row) => row.key);
  const near = nearest(key, known);
  if (near !== undefined) return `did you mean "${near}"?`;
  return otherSectionHint(key, path[0]);
}

/** Where a key belongs that stands in the wrong section. */
export function otherSectionHint(key: string, section: unknown): string | undefined {
  const isKey = (rows: readonly { readonly key: string }[]) => rows.some((row) => row.key === key);
  if (section !== "daemon" && isKey(Object.values(DAEMON_KEYS))) return "it belongs to [daemon]";
  if (section !== "mount" && section !== "defaults" && isKey(Object.values(MOUNT_KEYS))) {
    return "it belongs to [[mount]] or [defaults]";
  }
  return undefined;
}

/** A row's default as the program's own value. */
export function defaultsOf<T>(rows: Rows<T>, home: string | undefined): Partial<T> {
  const values: Partial<T> = {};
  for (const field of fieldsOf(rows)) {
    const row = rows[field];
    if (row.default === undefined) continue;
    const checked = row.kind(row.default, home);
    if (checked.ok) values[field] = checked.value;
  }
  return values;
}

/** The value as a table, or undefined after noting that it is not one. */
export function asTable(value: unknown, path: TomlPath, problems: Problems): Table | undefined {
  if (isTable(value)) return value;
  problems.add(path, `must be a table, not ${typeName(value)}`, `write [${path.join(".")}]`);
  return undefined;
}
