/** One line of the log file for people. */
import { printable } from "../printable.ts";
import type { Style } from "../style.ts";

/** The fields that a line has; what was logged with it comes besides. */
interface LogLine {
  readonly "@timestamp": string;
  readonly level: string;
  readonly message: string;
  readonly logger: string;
}

const WORDS: Readonly<Record<string, string>> = { WARNING: "warn", WARN: "warn" };

/** "2026-11-21 18:40:42 warn  vfs.photos: Cannot read ..."; a line that is not JSON as it is. */
export function logLineText(line: string, style: Style): string {
  const parsed = parse(line);
  if (parsed === undefined) return printable(line);
  const { "@timestamp": time, level, message, logger } = parsed;
  const word = (WORDS[level] ?? level.toLowerCase()).padEnd(5);
  const colour = level === "ERROR" || level === "FATAL"
    ? style.red
    : level.startsWith("WARN")
    ? style.yellow
    : style.dim;
  const category = logger.replace(/^cloudmount\.?/, "");
  return `${style.dim(localTime(time))} ${colour(word)} ${style.bold(category)}: ${
    printable(message)
  }`;
}

/** Whether the line is about this mount: loggers of mounts end with their name, which may have dots. */
export function isOfMount(line: string, name: string): boolean {
  return parse(line)?.logger.endsWith(`.${name}`) ?? false;
}

function parse(line: string): LogLine | undefined {
  try {
    const value: unknown = JSON.parse(line);
    const fields = ["@timestamp", "level", "message", "logger"] as const;
    const record = value as Readonly<Record<string, unknown>>;
    const isWhole = typeof value === "object" && value !== null &&
      fields.every((field) => typeof record[field] === "string");
    return isWhole ? value as LogLine : undefined;
  } catch {
    return undefined;
  }
}

/** As ISO 8601 writes it, in the time of the place. */
function localTime(utc: string): string {
  const time = new Date(utc);
  return Number.isNaN(time.getTime()) ? utc : time.toLocaleString("sv-SE");
}
