/** The directory of staging files of one mount. */
import { basename, join } from "node:path";
import type { ObjectSource } from "../cache/object_source.ts";
import { openFdFile } from "../ffi/fd_file.ts";
import { syncDirectory } from "../ffi/sync_directory.ts";
import { type StagedLayout, StagingFile } from "./staging_file.ts";

/** A staged file is not what the journal says of it. */
export class DamagedStagingFileError extends Error {
  override readonly name = "DamagedStagingFileError";
}

export class StagingArea {
  readonly #directory: string;
  #count = 0;
  /** How many files were ever made here, and of how many of them the names are on the device. */
  #created = 0;
  #named = 0;

  /** `directory` exists, on a local disk, readable by the owner only. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** How many staging files are in use. */
  get count(): number {
    return this.#count;
  }

  /** A new staging file over `base`. Throws `SystemError`. */
  create(base: ObjectSource | undefined): StagingFile {
    // Names are never used again, so a record of the journal never means another file.
    const path = join(this.#directory, crypto.randomUUID());
    const staged = new StagingFile(openFdFile(path, { create: true }), base);
    this.#created++;
    this.#count++;
    return staged;
  }

  /** What the journal calls the file. */
  nameOf(file: StagingFile): string {
    return basename(file.path);
  }

  /** Opens a staging file of an earlier run. Throws `DamagedStagingFileError` or `SystemError`. */
  restore(name: string, base: ObjectSource | undefined, layout: StagedLayout): StagingFile {
    const path = join(this.#directory, basename(name));
    let size: number;
    try {
      size = Deno.statSync(path).size;
    } catch (error) {
      throw new DamagedStagingFileError(`Cannot find the staged file ${path}`, { cause: error });
    }
    if (size < layout.size) {
      throw new DamagedStagingFileError(
        `Cannot use the staged file ${path}: it has ${size} bytes instead of ${layout.size}`,
      );
    }
    const staged = StagingFile.restore(openFdFile(path), base, layout);
    this.#count++;
    return staged;
  }

  /** Resolves when all that was written to `file`, and its name, are on the device. */
  async datasync(file: StagingFile): Promise<void> {
    await Promise.all([file.datasync(), this.#syncNames()]);
  }

  /** Closes and deletes a staging file whose content is safe elsewhere, or wanted by nobody. */
  discard(file: StagingFile): void {
    this.release(file);
    Deno.removeSync(file.path);
  }

  /** Closes a staging file and leaves it on the disk: the journal knows it. */
  release(file: StagingFile): void {
    file.close();
    this.#count--;
  }

  /** Where the file of that name lies; undefined when it is not there. */
  pathOf(name: string): string | undefined {
    const path = join(this.#directory, basename(name));
    try {
      Deno.statSync(path);
      return path;
    } catch {
      return undefined;
    }
  }

  /** Paths of the files that are not among the known. */
  unknownFiles(known: ReadonlySet<string>): string[] {
    const paths: string[] = [];
    for (const entry of Deno.readDirSync(this.#directory)) {
      if (entry.isFile && !known.has(entry.name)) paths.push(join(this.#directory, entry.name));
    }
    return paths;
  }

  async #syncNames(): Promise<void> {
    const created = this.#created;
    if (this.#named >= created) return;
    await syncDirectory(this.#directory);
    this.#named = Math.max(this.#named, created);
  }
}
