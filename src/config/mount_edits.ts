/** Mounts that are added, changed or removed in the config file: what the new text is, or why there is none. */
import { nearest } from "../base/nearest.ts";
import { parse as parseToml } from "smol-toml";
import type { ConfigFile, ConfigText } from "./config_file.ts";
import { ConfigError } from "./config_error.ts";
import {
  addMount,
  changeMount,
  type MountChanges,
  removeMount,
  type TomlValue,
} from "./edit_text.ts";
import { isWithin } from "./paths.ts";
import { fieldsOf, isTable } from "./read_table.ts";
import { type KeyRow, MOUNT_KEYS } from "./schema.ts";
import type { MountConfig } from "./types.ts";

/** What is wrong with one key; `field` is "" when it is about the whole mount. */
export interface FieldError {
  readonly field: string;
  readonly message: string;
  readonly hint?: string;
}

/** The edit cannot be made. */
export class MountEditError extends Error {
  override readonly name = "MountEditError";
  /** "taken": another mount has that name or mount point; "unknown": no mount has this name. */
  readonly kind: "taken" | "invalid" | "unknown";
  readonly errors: readonly FieldError[];

  constructor(action: string, kind: MountEditError["kind"], errors: readonly FieldError[]) {
    const details = errors.map(({ field, message, hint }) =>
      `${field === "" ? "" : `${field}: `}${message}${hint === undefined ? "" : ` (${hint})`}`
    );
    super(`${action}: ${details.join("; ")}`);
    this.kind = kind;
    this.errors = errors;
  }
}

/** An edit that may be written. */
export interface PlannedEdit extends ConfigText {
  /** How the mount is called in the end. */
  readonly name: string;
}

/** Adds a mount of these keys; it is called like its bucket unless it says otherwise. Throws a `MountEditError`. */
export function planAdd(
  file: ConfigFile,
  { text, config }: ConfigText,
  given: Readonly<Record<string, unknown>>,
): PlannedEdit {
  const action = "Cannot add a mount";
  const written = withoutNulls(writtenValues(action, given));
  const name = typeof written["name"] === "string" ? written["name"] : String(written["bucket"]);
  const values = { name, ...written };
  const missing = requiredKeys().filter((key) => !Object.hasOwn(values, key));
  if (missing.length > 0) {
    throw new MountEditError(
      action,
      "invalid",
      missing.map((field) => ({ field, message: "is required" })),
    );
  }
  refuseTaken(action, file, values, config.mounts);
  const index = config.mounts.length;
  return { name, ...parsed(action, file, addMount(text, values), index) };
}

/** Changes keys of a mount; null takes one away. Throws a `MountEditError`. */
export function planChange(
  file: ConfigFile,
  { text, config }: ConfigText,
  name: string,
  given: Readonly<Record<string, unknown>>,
): PlannedEdit {
  const action = `Cannot change "${name}"`;
  const index = indexOf(action, config.mounts, name);
  const changes = writtenValues(action, given);
  refuseTaken(action, file, changes, config.mounts.filter((_, other) => other !== index));
  const edited = parsed(action, file, changeMount(text, index, changes), index);
  return { name: edited.config.mounts[index]!.name, ...edited };
}

/** Takes a mount out. Throws a `MountEditError`. */
export function planRemove(
  file: ConfigFile,
  { text, config }: ConfigText,
  name: string,
): PlannedEdit {
  const action = `Cannot remove "${name}"`;
  const index = indexOf(action, config.mounts, name);
  return { name, ...parsed(action, file, removeMount(text, index), index) };
}

/**
 * The value that `KEY=TEXT` of a command line stands for: text where the key takes that, else what TOML
 * makes of it. One that fits neither is kept as text, for its error to tell what is wrong.
 */
export function valueFromText(
  key: string,
  text: string,
  home: string | undefined,
): TomlValue {
  const row = rowOf(key);
  if (row === undefined || row.kind(text, home).ok) return text;
  try {
    const value = parseToml(`value = ${text}`)["value"];
    return isTomlValue(value) && row.kind(value, home).ok ? value : text;
  } catch {
    return text;
  }
}

function writtenValues(action: string, given: Readonly<Record<string, unknown>>): MountChanges {
  const values: Record<string, TomlValue | null> = {};
  const errors: FieldError[] = [];
  for (const [key, value] of Object.entries(given)) {
    if (rowOf(key) === undefined) errors.push(unknownKey(key));
    else if (value === null || isTomlValue(value)) values[key] = value;
    else {errors.push({
        field: key,
        message: "must be text, a number, true, false or a table of texts",
      });}
  }
  if (errors.length > 0) throw new MountEditError(action, "invalid", errors);
  return values;
}

function unknownKey(key: string): FieldError {
  const near = nearest(key, fieldsOf(MOUNT_KEYS).map((field) => MOUNT_KEYS[field].key));
  const hint = near === undefined ? {} : { hint: `did you mean "${near}"?` };
  return { field: key, message: "unknown key", ...hint };
}

function withoutNulls(changes: MountChanges): Record<string, TomlValue> {
  const values: Record<string, TomlValue> = {};
  for (const [key, value] of Object.entries(changes)) if (value !== null) values[key] = value;
  return values;
}

function isTomlValue(value: unknown): value is TomlValue {
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value === "string" || typeof value === "boolean") return true;
  return isTable(value) && Object.values(value).every((inner) => typeof inner === "string");
}

function requiredKeys(): string[] {
  return fieldsOf(MOUNT_KEYS).filter((field) => MOUNT_KEYS[field].required === true)
    .map((field) => MOUNT_KEYS[field].key);
}

function rowOf(key: string): KeyRow<unknown> | undefined {
  const field = fieldsOf(MOUNT_KEYS).find((field) => MOUNT_KEYS[field].key === key);
  return field === undefined ? undefined : MOUNT_KEYS[field] as KeyRow<unknown>;
}

function refuseTaken(
  action: string,
  file: ConfigFile,
  values: MountChanges,
  others: readonly MountConfig[],
): void {
  const errors: FieldError[] = [];
  const { name, mount_point } = values;
  if (others.some((other) => other.name === name)) {
    errors.push({ field: "name", message: `"${name}" is the name of another mount` });
  }
  const place = MOUNT_KEYS.mountPoint.kind(mount_point, file.home);
  const other = !place.ok
    ? undefined
    : others.find(({ mountPoint }) =>
      isWithin(place.value, mountPoint) || isWithin(mountPoint, place.value)
    );
  if (other !== undefined) {
    const message = `"${mount_point}" is taken: "${other.name}" is mounted at ${other.mountPoint}`;
    errors.push({ field: "mount_point", message });
  }
  if (errors.length > 0) throw new MountEditError(action, "taken", errors);
}

/** The config of a text after an edit of mount number `index`. */
function parsed(action: string, file: ConfigFile, text: string, index: number): ConfigText {
  try {
    return { text, config: file.parse(text) };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const own = `mount[${index}]`;
    const errors = error.problems.map(({ key, message, hint }) => ({
      field: key === own ? "" : key.startsWith(`${own}.`) ? key.slice(own.length + 1) : key,
      message,
      ...(hint === undefined ? {} : { hint }),
    }));
    throw new MountEditError(action, "invalid", errors);
  }
}

function indexOf(action: string, mounts: readonly MountConfig[], name: string): number {
  const index = mounts.findIndex((mount) => mount.name === name);
  if (index >= 0) return index;
  const known = mounts.length === 0 ? "the config lists none" : "there are " +
    mounts.map((mount) => mount.name).join(", ");
  throw new MountEditError(action, "unknown", [{
    field: "",
    message: `no mount has this name: ${known}`,
  }]);
}
