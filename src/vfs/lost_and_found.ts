/**
 * Where goes what cannot be used and must not be thrown away: damaged records and staged files of the
 * journal, and changes of a file whose rest is gone. Each with a report beside it.
 */
import { basename, dirname, join } from "node:path";

export class LostAndFound {
  readonly #directory: string;
  readonly #problems: string[] = [];

  /** `directory` exists; what was set aside in it earlier counts until somebody removes it. */
  constructor(directory: string) {
    this.#directory = directory;
    for (const { name } of Deno.readDirSync(directory)) {
      if (!name.endsWith(".json")) continue;
      const report = join(directory, name);
      this.#problems.push(`${reasonIn(report)}: see ${report}`);
    }
  }

  /** One line for each thing that was set aside: what, why, and where it is. */
  problems(): readonly string[] {
    return this.#problems;
  }

  /** Keeps a record that cannot be used, and moves the file that belongs to it here, if there is one. */
  keepRecord(key: string, record: unknown, path: string | undefined, why: string): void {
    const place = join(this.#directory, path === undefined ? crypto.randomUUID() : basename(path));
    if (path !== undefined) {
      // The journal may have been all that kept it.
      syncFile(path);
      Deno.renameSync(path, place);
      syncFile(dirname(path));
    }
    this.#report(place, { key, record }, why);
  }

  /** Keeps a copy of a file that is still in use. */
  async keepCopy(
    path: string,
    about: Readonly<Record<string, unknown>>,
    why: string,
  ): Promise<void> {
    const place = join(this.#directory, basename(path));
    await Deno.copyFile(path, place);
    syncFile(place);
    this.#report(place, about, why);
  }

  #report(place: string, about: Readonly<Record<string, unknown>>, why: string): void {
    const report = `${place}.json`;
    Deno.writeTextFileSync(report, JSON.stringify({ why, ...about }, null, 2) + "\n", {
      mode: 0o600,
    });
    syncFile(report);
    syncFile(this.#directory);
    this.#problems.push(`${why}: see ${report}`);
  }
}

/** Before what it is made of goes. Rare, so waiting for the disk is no matter here. */
function syncFile(path: string): void {
  using file = Deno.openSync(path);
  file.syncSync();
}

function reasonIn(report: string): string {
  try {
    const { why } = JSON.parse(Deno.readTextFileSync(report)) as { readonly why?: unknown };
    if (typeof why === "string") return why;
  } catch {
    // Not one of ours, or cut short: it is named all the same.
  }
  return "Something was set aside";
}
