/**
 * The daemon's end of the control API: HTTP over a unix socket that only its owner can open (mode
 * 0600 in a 0700 directory). Routes are listed in routes/mod.ts; every error is a `Problem`.
 */
import { Hono } from "hono";
import { dirname } from "node:path";
import { ifThere } from "../base/if_there.ts";
import { logger } from "../base/log.ts";
import { messageOf } from "../base/message_of.ts";
import {
  type ControlService,
  type Problem,
  ProblemError,
  type SettingsService,
} from "./protocol.ts";
import { ROUTES } from "./routes/mod.ts";

const log = logger("control");

/** A running control API. */
export interface ControlServer {
  readonly socketPath: string;
  /** Ends it and removes the socket; requests under way are cut off after `graceMs`. */
  close(graceMs?: number): Promise<void>;
}

/** sizeof(sockaddr_un.sun_path) minus the final NUL: 108 on Linux, 104 on macOS. */
const SOCKET_PATH_MAX_BYTES = 103;

/**
 * Serves `service` on the socket. Call it with the instance lock held: a socket file that nobody
 * answers on is a dead daemon's and is replaced; one that is answered belongs to a daemon with another
 * state directory and is an error. `cutStrangers` ends the connections of other users and tells which: while
 * there are any, nobody is served, for a request does not say whose it is.
 */
export async function startControlServer(
  service: ControlService,
  settings: SettingsService,
  socketPath: string,
  cutStrangers: () => readonly number[] = () => [],
): Promise<ControlServer> {
  if (new TextEncoder().encode(socketPath).length > SOCKET_PATH_MAX_BYTES) {
    throw new Error(
      `Cannot listen on "${socketPath}": the path is longer than ${SOCKET_PATH_MAX_BYTES} bytes. ` +
        `Set a shorter "socket" under [daemon]`,
    );
  }
  await Deno.mkdir(dirname(socketPath), { recursive: true, mode: 0o700 });
  await removeStaleSocket(socketPath);
  const closing = new AbortController();
  const app = controlApp(service, settings, closing.signal);
  // Between bind and chmod the umask keeps others out.
  const umask = Deno.umask(0o177);
  let server: Deno.HttpServer;
  try {
    server = Deno.serve({ path: socketPath, onListen: () => {} }, (request) => {
      const strangers = cutStrangers();
      return strangers.length === 0 ? app.fetch(request) : refusal(strangers);
    });
  } catch (error) {
    throw new Error(`Cannot listen on "${socketPath}": ${messageOf(error)}`, { cause: error });
  } finally {
    Deno.umask(umask);
  }
  await Deno.chmod(socketPath, 0o600);
  return {
    socketPath,
    close: async (graceMs = 500) => {
      closing.abort(new Error("the control API ends"));
      const done = server.shutdown();
      const cut = AbortSignal.timeout(graceMs);
      await Promise.race([
        done,
        new Promise((resolve) => cut.addEventListener("abort", resolve, { once: true })),
      ]);
      await ifThere(Deno.remove(socketPath));
    },
  };
}

/** The HTTP application alone. */
export function controlApp(
  service: ControlService,
  settings: SettingsService,
  closing: AbortSignal,
): Hono {
  const app = new Hono();
  const methodsOf = new Map<string, string[]>();
  for (const route of ROUTES) {
    app.on(
      route.method,
      route.path,
      (context) => route.handle(context, service, settings, closing),
    );
    methodsOf.set(route.path, [...methodsOf.get(route.path) ?? [], route.method]);
  }
  for (const [path, methods] of methodsOf) {
    app.all(path, (context) => {
      const allowed = methods.join(", ");
      const answer = problemResponse({
        type: "about:blank",
        title: "Method not allowed",
        status: 405,
        detail: `Cannot ${context.req.method} ${path}: use ${allowed}`,
      });
      answer.headers.set("allow", allowed);
      return answer;
    });
  }
  app.notFound((context) =>
    problemResponse({
      type: "about:blank",
      title: "Not found",
      status: 404,
      detail: `Cannot ${context.req.method} ${context.req.path}: there is no such resource`,
    })
  );
  app.onError((error) => {
    if (error instanceof ProblemError) return problemResponse(error.problem);
    log.error("A control request failed: {error}", { error });
    return problemResponse({
      type: "about:blank",
      title: "Internal error",
      status: 500,
      detail: messageOf(error),
    });
  });
  return app;
}

function problemResponse(problem: Problem): Response {
  return new Response(JSON.stringify(problem) + "\n", {
    status: problem.status,
    headers: { "content-type": "application/problem+json" },
  });
}

function refusal(uids: readonly number[]): Response {
  log.warn("Refused control requests of other users: uid {uids}", { uids: uids.join(", ") });
  return problemResponse({
    type: "about:blank",
    title: "Forbidden",
    status: 403,
    detail: "Cannot serve this now: another user than the daemon's owner is connected",
    hint: "Check who may enter the directory of the control socket, then try again",
  });
}

async function removeStaleSocket(socketPath: string): Promise<void> {
  try {
    const connection = await Deno.connect({ transport: "unix", path: socketPath });
    connection.close();
  } catch {
    await ifThere(Deno.remove(socketPath));
    return;
  }
  throw new Error(
    `Cannot listen on "${socketPath}": another program answers there. ` +
      `Give this daemon a "socket" of its own under [daemon]`,
  );
}
