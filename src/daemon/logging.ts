/**
 * Where the daemon's log lines go: as JSON lines to rotated files, and as text to stderr when a person
 * watches. Secrets are hidden in both; a line that repeats is thinned out.
 */
import { getRotatingFileSink } from "@logtape/file";
import {
  configure,
  dispose,
  getJsonLinesFormatter,
  getTextFormatter,
  getThrottlingFilter,
  type LogRecord,
  type Sink,
  type TextFormatter,
} from "@logtape/logtape";
import { hostOs } from "../base/errno.ts";
import { logger } from "../base/log.ts";
import { logFilePath } from "../config/paths.ts";
import type { LogLevel } from "../config/types.ts";
import { redact } from "./redact.ts";

/** 5 files of 4 MiB: weeks of ordinary operation, and a bound for a bad day. */
const FILE_BYTES = 4 * 1024 * 1024;
const FILES = 5;
/** Of lines with the same room, level and wording, this many are written per window. */
const REPEATS = 20;
const REPEAT_WINDOW_MS = 60_000;

/** The log file of a daemon. */
export function logPath(stateDir: string): string {
  return logFilePath(hostOs(), stateDir);
}

/**
 * Starts logging, or goes on with other settings; `writeText` gets whole lines for a person, if one watches,
 * `reports` every record. The directory must be there.
 */
export async function startLogging(
  stateDir: string,
  level: LogLevel,
  writeText: ((text: string) => void) | undefined,
  reports?: Sink,
): Promise<void> {
  const file = getRotatingFileSink(logPath(stateDir), {
    formatter: redacted(withWords(
      getJsonLinesFormatter({ properties: "flatten", message: "rendered" }),
    )),
    maxSize: FILE_BYTES,
    maxFiles: FILES,
    // Errors are looked for in the file right after they happened.
    bufferSize: 0,
  });
  const text = redacted(getTextFormatter({ timestamp: "time", category: "." }));
  const sinks: Record<string, Sink> = {
    file,
    ...(writeText === undefined ? {} : { text: (record) => writeText(text(record)) }),
    ...(reports === undefined ? {} : { reports }),
  };
  await configure({
    reset: true,
    sinks,
    filters: {
      thinned: getThrottlingFilter({
        limit: REPEATS,
        windowMs: REPEAT_WINDOW_MS,
        summary: {
          logger: logger("daemon", "log"),
          level: (summary) => summary.lastRecord.level,
          message: ({ lastRecord }) =>
            `{suppressed} more lines like this one were left out: ${templateOf(lastRecord)}`,
        },
      }),
    },
    loggers: [
      {
        category: "cloudmount",
        lowestLevel: level,
        sinks: Object.keys(sinks),
        filters: ["thinned"],
      },
      { category: ["logtape", "meta"], lowestLevel: "warning", sinks: ["file"] },
    ],
  });
}

/** Writes out what is buffered and closes the file. */
export async function stopLogging(): Promise<void> {
  await dispose();
}

/** A record's words; the braces of its placeholders would be filled in again. */
function templateOf({ rawMessage }: LogRecord): string {
  const template = typeof rawMessage === "string" ? rawMessage : rawMessage.join("...");
  return template.replaceAll(/[{}]/g, "");
}

/** With the message as one text: rendered as JSON an error is "{}". */
function withWords(format: TextFormatter): TextFormatter {
  return (record) => format({ ...record, message: [record.message.map(wordsOf).join("")] });
}

function wordsOf(value: unknown): string {
  if (typeof value === "string") return value;
  return value instanceof Error ? value.message : JSON.stringify(value) ?? String(value);
}

function redacted(format: TextFormatter): TextFormatter {
  return (record) => redact(format(record));
}
