/**
 * Edits of the text of a config file that touch nothing else in it: comments, order, blanks and line
 * ends stay. They work on the places of statements, for writing the whole document anew loses comments
 * or moves them to another mount. The text must be valid TOML; whether the result makes a valid config
 * is for the caller to check.
 */
import { parse } from "smol-toml";
import { type TomlPath, type TomlStatement, tomlStatements } from "./toml_positions.ts";

/** A value as it stands in the file. */
export type TomlValue = string | number | boolean | Readonly<Record<string, string>>;

/** Keys of a mount with their new values; null: the key goes. */
export type MountChanges = Readonly<Record<string, TomlValue | null>>;

/** `text` with one more [[mount]] at its end. */
export function addMount(text: string, values: Readonly<Record<string, TomlValue>>): string {
  checkForm(text);
  const eol = lineEnd(text);
  const lines = Object.entries(values).map(([key, value]) => keyValue(key, value));
  const before = text === "" || text.endsWith("\n") ? text : text + eol;
  const gap = before === "" || /(^|\n)\r?\n$/.test(before) ? "" : eol;
  return before + gap + ["[[mount]]", ...lines, ""].join(eol);
}

/** `text` without its mount number `index`, and without the comment right above that. */
export function removeMount(text: string, index: number): string {
  checkForm(text);
  const own = statementsOf(text, ["mount", index]);
  const start = withComment(text, lineStart(text, own[0]!.start));
  const end = afterLine(text, own.at(-1)!.end);
  const rest = text.slice(end);
  // One blank line between what was before and what comes, not two.
  const isBlankBefore = start === 0 || /\n\r?\n$/.test(text.slice(0, start));
  return text.slice(0, start) + (isBlankBefore ? rest.replace(/^(\r?\n)+/, "") : rest);
}

/** `text` with other values in its mount number `index`. */
export function changeMount(text: string, index: number, changes: MountChanges): string {
  checkForm(text);
  return Object.entries(changes).reduce(
    (result, [key, value]) => changeKey(result, index, key, value),
    text,
  );
}

function changeKey(text: string, index: number, key: string, value: TomlValue | null): string {
  const path = ["mount", index, key];
  const places = statementsOf(text, path);
  const [first] = places;
  if (places.length === 1 && first!.kind === "value" && first!.path.length === 3) {
    if (value !== null) {
      return text.slice(0, first!.valueStart) + formatToml(value) + text.slice(first!.end);
    }
  }
  // A table of its own ([mount.credentials]), or dotted keys: it goes, and comes as one line.
  let result = text;
  for (const { start, end } of [...places].reverse()) {
    result = result.slice(0, lineStart(result, start)) + result.slice(afterLine(result, end));
  }
  return value === null ? result : insertKey(result, index, keyValue(key, value));
}

/** Behind the last key that the mount has outside its sub-tables, indented as that. */
function insertKey(text: string, index: number, line: string): string {
  const own = statementsOf(text, ["mount", index]);
  const subTable = own.findIndex(({ kind }, at) => at > 0 && kind !== "value");
  const last = own.slice(0, subTable < 0 ? own.length : subTable).at(-1)!;
  const indent = /^[ \t]*/.exec(text.slice(lineStart(text, last.start)))![0];
  const at = afterLine(text, last.end);
  const eol = lineEnd(text);
  const before = text.slice(0, at);
  return before + (before.endsWith("\n") ? "" : eol) + indent + line + eol + text.slice(at);
}

/** The statements at or below `path`. */
function statementsOf(text: string, path: TomlPath): readonly TomlStatement[] {
  return tomlStatements(text).filter((statement) =>
    path.every((part, index) => statement.path[index] === part)
  );
}

/** The start of the comment lines right above `start`, if there are any. */
function withComment(text: string, start: number): number {
  let at = start;
  while (at > 0) {
    const above = lineStart(text, at - 1);
    if (!/^[ \t]*#/.test(text.slice(above, at))) break;
    at = above;
  }
  // A comment at the head of the file is about the file.
  return at === 0 && at < start ? start : at;
}

function lineStart(text: string, at: number): number {
  return text.lastIndexOf("\n", at - 1) + 1;
}

/** Behind the line end of the line that `at` is in. */
function afterLine(text: string, at: number): number {
  const found = text.indexOf("\n", at);
  return found < 0 ? text.length : found + 1;
}

function lineEnd(text: string): string {
  return /\r\n/.test(text) ? "\r\n" : "\n";
}

/** A list of inline tables has no lines of its own to edit. */
function checkForm(text: string): void {
  const { mount } = parse(text);
  if (!Array.isArray(mount) || mount.length === 0) return;
  const headers = tomlStatements(text).filter(({ kind, path }) =>
    kind === "element" && path.length === 2 && path[0] === "mount"
  );
  if (headers.length !== mount.length) {
    throw new Error("Cannot edit the mounts: they are one list; write each as a [[mount]]");
  }
}

/** JSON's strings are TOML's, but for DEL. */
function formatToml(value: TomlValue): string {
  if (typeof value === "string") return JSON.stringify(value).replaceAll("\x7f", "\\u007f");
  if (typeof value !== "object") return String(value);
  const pairs = Object.entries(value).map(([key, inner]) => keyValue(key, inner));
  return `{ ${pairs.join(", ")} }`;
}

function keyValue(key: string, value: TomlValue): string {
  const name = /^[A-Za-z0-9_-]+$/.test(key) ? key : formatToml(key);
  return `${name} = ${formatToml(value)}`;
}
