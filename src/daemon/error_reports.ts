/**
 * Reports of errors to a Sentry project, where the config names one ([daemon] sentry_dsn). Off by default.
 * Sent is what a line of level error or fatal was written by: its wording without what was filled in, the
 * room, kinds of errors and where in the program they arose; besides the version and the system. No names of
 * mounts, buckets, files, hosts or users, and no messages of errors, which may hold them.
 */
import type { LogRecord, Sink } from "@logtape/logtape";
import { postReport } from "../net/post_report.ts";

/** The last reports before an end are waited for so long. */
const FLUSH_MS = 2_000;
/** Causes that are told of an error. */
const CAUSES_MAX = 5;

export interface ErrorReports {
  readonly sink: Sink;
  /** Sends what waits. Never rejects. */
  close(): Promise<void>;
}

/** Loads the library only here: most daemons need none. */
export async function openErrorReports(dsn: string, version: string): Promise<ErrorReports> {
  const [{ createTransport }, { ServerRuntimeClient }] = await Promise.all([
    import("@sentry/core"),
    import("@sentry/core/server"),
  ]);
  const client = new ServerRuntimeClient({
    dsn,
    release: `cloudmount@${version}`,
    integrations: [],
    platform: "javascript",
    runtime: { name: "deno", version: Deno.version.deno },
    // Places are told by us.
    stackParser: () => [],
    sendClientReports: false,
    transport: (options) =>
      createTransport(options, async ({ body }) => {
        const bytes = typeof body === "string" ? body : new Uint8Array(body);
        const { status, header } = await postReport(options.url, options.headers ?? {}, bytes);
        const retry = header("retry-after");
        const limits = header("x-sentry-rate-limits");
        return {
          statusCode: status,
          headers: { "retry-after": retry, "x-sentry-rate-limits": limits },
        };
      }),
  });
  client.init();
  return {
    sink: (record) => {
      if (record.level === "error" || record.level === "fatal") {
        client.captureEvent(eventOf(record));
      }
    },
    close: async () => {
      await client.close(FLUSH_MS);
    },
  };
}

/** What is told of a log record: see the head of this file. */
export function eventOf({ level, category, rawMessage, properties }: LogRecord) {
  const errors = Object.values(properties).flatMap(withCauses);
  return {
    level: level === "fatal" ? "fatal" as const : "error" as const,
    message: typeof rawMessage === "string" ? rawMessage : rawMessage.join("{}"),
    logger: category[1] ?? "",
    tags: { os: Deno.build.os, arch: Deno.build.arch },
    ...(errors.length === 0 ? {} : {
      exception: {
        // The outermost one comes last there.
        values: errors.map((error) => ({
          type: error.name,
          value: "",
          stacktrace: { frames: framesOf(error) },
        }))
          .reverse(),
      },
    }),
  };
}

function withCauses(value: unknown): Error[] {
  const errors: Error[] = [];
  for (
    let error = value;
    error instanceof Error && errors.length < CAUSES_MAX;
    error = error.cause
  ) {
    errors.push(error);
  }
  return errors;
}

/** Places in files of the program, by their path within it; the innermost comes last. */
function framesOf({ stack = "" }: Error) {
  const frames = [
    ...stack.matchAll(/^ +at (?:(.+?) \()?file:.*?([^/\s]+\/[^/\s]+\.[jt]s):(\d+):(\d+)\)?$/gm),
  ];
  return frames.map(([, name, filename = "", lineno, colno]) => ({
    filename,
    lineno: Number(lineno),
    colno: Number(colno),
    ...(name === undefined ? {} : { function: name }),
  })).reverse();
}
