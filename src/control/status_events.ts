/**
 * Changes of the status as server-sent events (html.spec.whatwg.org, "Server-sent events"). Each client
 * is told of how things are now compared with what it was told last, when it is ready to take more: there
 * is no queue, and who reads slowly misses what was in between, never how it ended.
 *
 *   status    at first: the whole document
 *   mount     one mount that is new or has changed, whole
 *   removed   {"id"}: a mount that is not listed any more
 *   daemon    the document without its mounts
 */
import type { Clock } from "../base/clock.ts";
import type { MountStatus, StatusDocument } from "./protocol.ts";

const LOOK_MS = 500;
/** A comment in between: a connection that is dead is noticed by who writes to it. */
const SIGN_OF_LIFE_MS = 15_000;
/** After which a client that lost its connection may come again. */
const RETRY_MS = 2_000;

/** An endless body of events; it ends when `signal` fires or nobody reads it any more. */
export function statusEvents(
  status: () => StatusDocument,
  clock: Clock,
  signal: AbortSignal,
): ReadableStream<Uint8Array> {
  const end = new AbortController();
  const onAbort = () => end.abort();
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  const changes = new StatusChanges();
  const encoder = new TextEncoder();
  const close = () => {
    signal.removeEventListener("abort", onAbort);
    end.abort();
  };
  let isCancelled = false;
  return new ReadableStream({
    async pull(controller) {
      const sinceMs = clock.monotonicMs();
      while (!end.signal.aborted) {
        const text = changes.next(status()) ||
          (clock.monotonicMs() - sinceMs >= SIGN_OF_LIFE_MS ? ": \n\n" : "");
        if (text !== "") return controller.enqueue(encoder.encode(text));
        await clock.sleep(LOOK_MS, end.signal).catch(() => {});
      }
      close();
      if (!isCancelled) controller.close();
    },
    cancel: () => {
      isCancelled = true;
      close();
    },
  }, { highWaterMark: 1 });
}

/** What one client was told, and what it is to be told next. */
class StatusChanges {
  /** By mount. */
  readonly #mounts = new Map<string, string>();
  #daemon: string | undefined;

  /** Events for what has changed; "" when nothing has. */
  next(status: StatusDocument): string {
    const { mounts, ...daemon } = status;
    const isFirst = this.#daemon === undefined;
    const events: string[] = [];
    const known = daemonMark(status);
    if (known !== this.#daemon) events.push(event("daemon", daemon));
    this.#daemon = known;
    const ids = new Set(mounts.map(({ id }) => id));
    for (const mount of mounts) {
      const mark = mountMark(mount);
      if (this.#mounts.get(mount.id) !== mark) events.push(event("mount", mount));
      this.#mounts.set(mount.id, mark);
    }
    for (const id of this.#mounts.keys()) {
      if (ids.has(id)) continue;
      this.#mounts.delete(id);
      events.push(event("removed", { id }));
    }
    return isFirst ? `retry: ${RETRY_MS}\n${event("status", status)}` : events.join("");
  }
}

/** What changes by itself as time goes is told with the next change only. */
function daemonMark({ mounts: _, uptime_seconds: __, memory, ...rest }: StatusDocument): string {
  return JSON.stringify([rest, memory.used_bytes, memory.limit_bytes]);
}

function mountMark({ last_contact_seconds: _, uploads, ...rest }: MountStatus): string {
  return JSON.stringify([rest, { ...uploads, oldest_seconds: null }]);
}

function event(name: string, data: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
