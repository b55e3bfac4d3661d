/** The shape of one row of the control API, and the reading of its query parameters. */
import type { Context } from "hono";
import {
  type ControlService,
  type DrainOptions,
  type MountSettings,
  ProblemError,
  type SettingsService,
} from "../protocol.ts";

/** One method of one path. */
export interface ControlRoute {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  /** As hono writes it, for example "/api/v0/mounts/:id". */
  readonly path: string;
  handle(
    context: Context,
    service: ControlService,
    settings: SettingsService,
    /** Fires when the server ends: answers that go on and on end then. */
    closing: AbortSignal,
  ): Response | Promise<Response>;
}

const DEFAULT_TIMEOUT_SECONDS = 60;
const MAX_TIMEOUT_SECONDS = 7 * 86400;
/** Every key of a mount with values of any sense has less. */
const BODY_MAX = 64 * 1024;

/** `timeout_seconds` and `force` of the query; anything else there is refused with 400. */
export function drainOptions(context: Context): DrainOptions {
  refuseUnknown(context, ["timeout_seconds", "force"]);
  return { timeoutMs: timeoutMs(context), force: force(context) };
}

/** `timeout_seconds` of the query; anything else there is refused with 400. */
export function timeoutOption(context: Context): number {
  refuseUnknown(context, ["timeout_seconds"]);
  return timeoutMs(context);
}

/** `mount` of the query; anything else there is refused with 400. */
export function mountOption(context: Context): string | undefined {
  refuseUnknown(context, ["mount"]);
  return context.req.query("mount");
}

/** Refuses any query parameter with 400. */
export function noOptions(context: Context): void {
  refuseUnknown(context, []);
}

/** The path's `:id`. */
export function mountId(context: Context): string {
  return context.req.param("id") ?? "";
}

/** The body as settings of a mount; anything but a JSON object is refused with 400. */
export async function settingsBody(context: Context): Promise<MountSettings> {
  const text = await readBody(context.req.raw);
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === "object" && body !== null && !Array.isArray(body)) return { ...body };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw badRequest("Cannot read the body: it must be a JSON object of settings");
}

async function readBody({ body }: Request): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > BODY_MAX) {
      throw badRequest(`Cannot read the body: it is over ${BODY_MAX} bytes`);
    }
  }
  return text + decoder.decode();
}

/** Fires when the client goes away. */
export function requestSignal(context: Context): AbortSignal {
  return context.req.raw.signal;
}

function timeoutMs(context: Context): number {
  const text = context.req.query("timeout_seconds");
  if (text === undefined) return DEFAULT_TIMEOUT_SECONDS * 1000;
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
  if (!(seconds <= MAX_TIMEOUT_SECONDS)) {
    throw badRequest(
      `Cannot read timeout_seconds=${text}: it must be a number from 0 to ${MAX_TIMEOUT_SECONDS}`,
    );
  }
  return seconds * 1000;
}

function force(context: Context): boolean {
  const text = context.req.query("force") ?? "false";
  if (text !== "true" && text !== "false") {
    throw badRequest(`Cannot read force=${text}: it must be true or false`);
  }
  return text === "true";
}

function refuseUnknown(context: Context, known: readonly string[]): void {
  const unknown = Object.keys(context.req.query()).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw badRequest(
      `Cannot use the parameter "${unknown}": ${
        known.length === 0 ? "there are none here" : `known are ${known.join(", ")}`
      }`,
    );
  }
}

function badRequest(detail: string): ProblemError {
  return new ProblemError({ title: "Bad request", status: 400, detail });
}
