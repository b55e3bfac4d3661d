/**
 * Lines of a log file that is rotated: "x.log" is written, "x.log.1" is what it was before, and so on.
 * Who follows it holds the file that it reads open, and so finds it again under its later name.
 */
import type { Clock } from "../../base/clock.ts";
import { ifThereSync } from "../../base/if_there.ts";

const LOOK_MS = 250;
/** More than are ever kept. */
const ROTATED_MAX = 100;

export interface FollowOptions {
  /** Lines that are there already: so many of the last ones. */
  readonly count: number;
  /** Goes on until the signal fires, which is no error; else ends with the last line. */
  readonly follow: boolean;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** A file that is missing has no lines; when followed it is waited for. */
export async function* followLog(
  path: string,
  { count, follow, clock, signal }: FollowOptions,
): AsyncGenerator<string> {
  let file = OpenLog.open(path);
  try {
    const last = file?.lines() ?? [];
    for (let number = 1; last.length < count && number <= ROTATED_MAX; number++) {
      using older = OpenLog.open(`${path}.${number}`);
      if (older === undefined) break;
      // It was given its new name since it was opened.
      if (file === undefined || older.id !== file.id) last.unshift(...older.lines());
    }
    yield* count === 0 ? [] : last.slice(-count);
    while (follow && !signal.aborted) {
      await clock.sleep(LOOK_MS, signal).catch(() => {});
      // What was written before the file got another name, then what came after.
      const isOver = file === undefined || idOf(path) !== file.id;
      yield* file?.lines() ?? [];
      if (!isOver) continue;
      for (const newer of newerThan(path, file)) {
        file?.[Symbol.dispose]();
        file = newer;
        yield* file.lines();
      }
    }
  } finally {
    file?.[Symbol.dispose]();
  }
}

/** One file of the log, read on from where it was read last. */
class OpenLog implements Disposable {
  readonly id: string;
  readonly #file: Deno.FsFile;
  readonly #decoder = new TextDecoder();
  /** The begin of a line whose end is not written yet. */
  #rest = "";

  private constructor(file: Deno.FsFile) {
    this.#file = file;
    this.id = idOfInfo(file.statSync());
  }

  /** Undefined when there is none. */
  static open(path: string): OpenLog | undefined {
    return ifThereSync(() => new OpenLog(Deno.openSync(path)));
  }

  /** Whole lines that were not read yet. */
  lines(): string[] {
    const chunk = new Uint8Array(64 * 1024);
    let text = this.#rest;
    for (let read = this.#file.readSync(chunk); read !== null; read = this.#file.readSync(chunk)) {
      text += this.#decoder.decode(chunk.subarray(0, read), { stream: true });
    }
    const lines = text.split("\n");
    this.#rest = lines.pop() ?? "";
    return lines;
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}

/** The files that came after `file`, or (without) the newest one, oldest first. */
function newerThan(path: string, file: OpenLog | undefined): OpenLog[] {
  const newest = OpenLog.open(path);
  const newer = newest === undefined ? [] : [newest];
  for (let number = 1; file !== undefined && number <= ROTATED_MAX; number++) {
    const older = OpenLog.open(`${path}.${number}`);
    if (older === undefined) break;
    if (older.id === file.id) {
      older[Symbol.dispose]();
      break;
    }
    newer.unshift(older);
  }
  return newer;
}

function idOf(path: string): string | undefined {
  return ifThereSync(() => idOfInfo(Deno.statSync(path)));
}

function idOfInfo({ dev, ino }: Deno.FileInfo): string {
  return `${dev}:${ino}`;
}
