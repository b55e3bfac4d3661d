/**
 * Kinds of values in the config file: each turns a TOML value into the program's own, or says what is
 * wrong with it. Messages never repeat a whole value of unknown length, and no value that may be a
 * secret: those are caught before (secrets.ts).
 */
import { nearest } from "../base/nearest.ts";
import { formatSize, parseDurationMs, parseSizeBytes } from "../base/units.ts";
import { expandHome, normalizePath } from "./paths.ts";
import type { TomlPath } from "./toml_positions.ts";

/** What is wrong with a value, or with a part of it at `at`. */
export interface KindProblem {
  readonly message: string;
  readonly hint?: string;
  readonly at?: TomlPath;
}

export type Checked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly KindProblem[] };

/** A check of one value; `home` is for "~". */
export type Kind<T> = (value: unknown, home: string | undefined) => Checked<T>;

export function accept<T>(value: T): Checked<T> {
  return { ok: true, value };
}

export function refuse<T>(message: string, hint?: string): Checked<T> {
  return { ok: false, problems: [{ message, ...(hint === undefined ? {} : { hint }) }] };
}

/** A value as it may be repeated in a message: short, and without control characters. */
export function quoted(value: string): string {
  const text = JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}...` : value);
  return text.replace(/[\x7f-\x9f]/g, "?");
}

/** "a string", "a number": what a TOML value is. */
export function typeName(value: unknown): string {
  if (typeof value === "string") return "a string";
  if (typeof value === "boolean") return "true or false";
  if (typeof value === "number" || typeof value === "bigint") return "a number";
  if (value instanceof Date) return "a date";
  return Array.isArray(value) ? "a list" : "a table";
}

// deno-lint-ignore no-control-regex -- they are what is looked for
const CONTROL = /[\x00-\x1f\x7f-\x9f]/;

/** A string without control characters; not empty unless `mayBeEmpty`. */
export function text(options: { readonly mayBeEmpty?: boolean } = {}): Kind<string> {
  return (value) => {
    if (typeof value !== "string") return refuse(`must be a string, not ${typeName(value)}`);
    if (CONTROL.test(value)) return refuse("must not contain control characters");
    if (value === "" && options.mayBeEmpty !== true) return refuse("must not be empty");
    return accept(value);
  };
}

/** A string of a given look; `what` names it in the message. */
export function pattern(look: RegExp, what: string, hint?: string): Kind<string> {
  return (value, home) => {
    const checked = text()(value, home);
    if (!checked.ok || look.test(checked.value)) return checked;
    return refuse(`${quoted(checked.value)} is not ${what}`, hint);
  };
}

export const flag: Kind<boolean> = (value) => {
  if (typeof value === "boolean") return accept(value);
  return refuse(`must be true or false, not ${typeName(value)}`, "write true or false, no quotes");
};

/** A whole number from `least` to `most`. */
export function integer(least: number, most: number): Kind<number> {
  return (value) => {
    if (typeof value !== "number" || !Number.isInteger(value)) {
      return refuse(`must be a whole number, not ${describeNumber(value)}`);
    }
    if (value >= least && value <= most) return accept(value);
    return refuse(`must be from ${least} to ${most}, not ${value}`);
  };
}

function describeNumber(value: unknown): string {
  return typeof value === "number" ? String(value) : typeName(value);
}

/** One of a few words. */
export function oneOf<const T extends string>(...words: readonly T[]): Kind<T> {
  return (value) => {
    const found = words.find((word) => word === value);
    if (found !== undefined) return accept(found);
    const list = words.map((word) => `"${word}"`).join(", ");
    if (typeof value !== "string") return refuse(`must be one of ${list}, not ${typeName(value)}`);
    const near = nearest(value, words);
    return refuse(
      `${quoted(value)} is not one of ${list}`,
      near === undefined ? undefined : `did you mean "${near}"?`,
    );
  };
}

/** A size such as "64MiB", as bytes. */
export function size(leastBytes: number, mostBytes: number): Kind<number> {
  return (value) => {
    const hint = 'write a number and B, KB, KiB, MB, MiB, GB, GiB or TiB, like "512MiB"';
    if (typeof value !== "string") return refuse(`must be a size, not ${typeName(value)}`, hint);
    const bytes = parseSizeBytes(value);
    if (bytes === undefined) return refuse(`${quoted(value)} is not a size`, hint);
    if (bytes >= leastBytes && bytes <= mostBytes) return accept(bytes);
    return refuse(
      `must be from ${formatSize(leastBytes)} to ${formatSize(mostBytes)}, not ${quoted(value)}`,
    );
  };
}

/** Bytes in the largest unit that keeps them exact: "512MiB". */
export function writtenSize(bytes: number): string {
  const units = ["TiB", "GiB", "MiB", "KiB"];
  const power = units.findIndex((_, index) => bytes > 0 && bytes % 1024 ** (4 - index) === 0);
  return power < 0 ? `${bytes}B` : `${bytes / 1024 ** (4 - power)}${units[power]}`;
}

/** A rate such as "10MiB/s", as bytes per second. */
export function rate(least: number, most: number): Kind<number> {
  return (value) => {
    const hint = 'write a size and "/s", like "10MiB/s"';
    if (typeof value !== "string") return refuse(`must be a rate, not ${typeName(value)}`, hint);
    const match = /^(.*)\/s$/.exec(value.trim());
    const bytes = match === null ? undefined : parseSizeBytes(match[1]!);
    if (bytes === undefined) return refuse(`${quoted(value)} is not a rate`, hint);
    if (bytes >= least && bytes <= most) return accept(bytes);
    return refuse(
      `must be from ${formatSize(least)}/s to ${formatSize(most)}/s, not ${quoted(value)}`,
    );
  };
}

/** Bytes per second in the largest unit that keeps them exact: "10MiB/s". */
export function writtenRate(bytesPerSecond: number): string {
  return `${writtenSize(bytesPerSecond)}/s`;
}

/** A duration such as "60s", as milliseconds. */
export function duration(mostMs: number, mostText: string): Kind<number> {
  return (value) => {
    const hint = 'write a number and ms, s, m, h or d, like "60s"';
    if (typeof value !== "string") {
      return refuse(`must be a duration, not ${typeName(value)}`, hint);
    }
    const ms = parseDurationMs(value);
    if (ms === undefined) return refuse(`${quoted(value)} is not a duration`, hint);
    return ms <= mostMs ? accept(ms) : refuse(`must be at most ${mostText}, not ${quoted(value)}`);
  };
}

/** Milliseconds in seconds when that is exact: "60s". */
export function writtenDuration(ms: number): string {
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}

/** Permission bits as an octal string, "0644". */
export const permissions: Kind<number> = (value) => {
  const hint = 'write the octal digits in quotes, like "0644"';
  if (typeof value !== "string") {
    return refuse(`must be a string of octal digits, not ${typeName(value)}`, hint);
  }
  if (/^0?[0-7]{3}$/.test(value)) return accept(parseInt(value, 8));
  return refuse(`${quoted(value)} is not a mode from "0000" to "0777"`, hint);
};

/** "0644". */
export function writtenMode(mode: number): string {
  return `0${mode.toString(8).padStart(3, "0")}`;
}

/** An absolute path or one that begins with "~/", made absolute and normal. */
export const absolutePath: Kind<string> = (value, home) => {
  const checked = text()(value, home);
  if (!checked.ok) return checked;
  const expanded = expandHome(checked.value, home);
  if (expanded === undefined) {
    return refuse(`cannot expand "~": HOME is not set`, "write the whole path");
  }
  if (expanded.startsWith("/")) return accept(normalizePath(expanded));
  return refuse(
    `${quoted(checked.value)} is not an absolute path`,
    'begin it with "/" or "~/"',
  );
};
