/**
 * Notices when the config file has changed. Editors write a new file and rename it over the old one, and
 * some put a link to another one in its place, so that directories are watched: that of the path, and
 * that of the file behind links.
 */
import { dirname } from "node:path";
import type { Clock } from "../base/clock.ts";
import { logger } from "../base/log.ts";

const log = logger("daemon", "config");

/** Saving is several steps; they come closer together than this. */
const QUIET_MS = 300;

/**
 * Calls `onChange` at first, and when the file at `path` is another one, until the signal fires. Never
 * rejects.
 */
export async function watchConfigFile(
  path: string,
  onChange: () => Promise<void>,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  // Unknown: it may have changed since it was read.
  let seen: string | undefined;
  while (!signal.aborted) {
    const directories = await directoriesOf(path);
    const watch = new DirectoryWatch(directories);
    try {
      while (!signal.aborted) {
        const now = await mark(path);
        if (now !== seen) {
          seen = now;
          await onChange();
          // A link may lead elsewhere now.
          break;
        }
        await watch.next(signal);
        await clock.sleep(QUIET_MS, signal).catch(() => {});
      }
    } catch (error) {
      log.warn("Cannot watch {path}; after a change: cloudmount reload ({error})", { path, error });
      return;
    } finally {
      watch.close();
    }
  }
}

/** Tells that something happened in one of several directories since the last time it was asked. */
class DirectoryWatch {
  readonly #watcher: Deno.FsWatcher;
  #happened = Promise.withResolvers<void>();
  #failure: unknown;

  constructor(directories: readonly string[]) {
    this.#watcher = Deno.watchFs([...directories], { recursive: false });
    void this.#listen();
  }

  async next(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const stop = () => this.#happened.resolve();
    signal.addEventListener("abort", stop, { once: true });
    await this.#happened.promise;
    signal.removeEventListener("abort", stop);
    this.#happened = Promise.withResolvers<void>();
    if (this.#failure !== undefined) throw this.#failure;
  }

  close(): void {
    this.#watcher.close();
  }

  async #listen(): Promise<void> {
    try {
      for await (const { kind } of this.#watcher) {
        // Reading the file, as is done after each event, is one too.
        if (kind !== "access") this.#happened.resolve();
      }
    } catch (error) {
      this.#failure = error;
      this.#happened.resolve();
    }
  }
}

/** Changes when the file does, whichever way. */
async function mark(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtime, ctime } = await Deno.stat(path);
    return [dev, ino, size, mtime?.getTime(), ctime?.getTime()].join();
  } catch {
    return "missing";
  }
}

async function directoriesOf(path: string): Promise<readonly string[]> {
  const real = await Deno.realPath(path).catch(() => path);
  return [...new Set([dirname(path), dirname(real)])];
}
