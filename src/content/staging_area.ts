/** The directory of staging files of one mount. */
import { Buffer } from "node:buffer";
import { basename, join } from "node:path";
import type { ObjectSource } from "../cache/object_source.ts";
import { type FdFile, type MakeRoom, openFdFile } from "../ffi/fd_file.ts";
import { syncDirectory } from "../ffi/sync_directory.ts";
import { LocalFile, type LocalFileHome, OpenLocalFiles } from "./local_file.ts";
import type { StagedLayout } from "./staged_layout.ts";
import { StagingFile } from "./staging_file.ts";

/** A staged file is not what the journal says of it. */
export class DamagedStagingFileError extends Error {
  override readonly name = "DamagedStagingFileError";
}

export class StagingArea {
  readonly #directory: string;
  readonly #options: { readonly makeRoom?: MakeRoom };
  readonly #home: LocalFileHome;
  readonly #open: OpenLocalFiles;
  #count = 0;
  #keepsOnDisk = false;
  /** How many files were ever made here, and of how many of them the names are on the device. */
  #created = 0;
  #named = 0;

  /**
   * `directory` exists, on a local disk, readable by the owner only. `makeRoom` is asked when the disk is
   * full. `open` is shared by all mounts: descriptors are the process's.
   */
  constructor(directory: string, makeRoom?: MakeRoom, open: OpenLocalFiles = new OpenLocalFiles()) {
    this.#directory = directory;
    this.#open = open;
    this.#options = makeRoom === undefined ? {} : { makeRoom };
    this.#home = {
      create: (path, bytes) => this.#make(path, bytes),
      open: (path) => openFdFile(path, this.#options),
    };
  }

  /** How many staging files are in use. */
  get count(): number {
    return this.#count;
  }

  /**
   * A new staging file over `base`; without one it is in memory for as long as it is small. Throws
   * `SystemError`.
   */
  create(base: ObjectSource | undefined): StagingFile {
    // Names are never used again, so a record of the journal never means another file.
    const path = join(this.#directory, crypto.randomUUID());
    const file = LocalFile.inMemory(path, this.#home, this.#open);
    if (base !== undefined || this.#keepsOnDisk) file.toDisk();
    const staged = new StagingFile(file, base);
    this.#count++;
    return staged;
  }

  /** From now on no file is in memory alone: another process is to find them all. */
  keepOnDisk(): void {
    this.#keepsOnDisk = true;
  }

  /** What the journal calls the file. */
  nameOf(file: StagingFile): string {
    return basename(file.path);
  }

  /** Writes a staging file of an earlier run anew, as the journal has it. Nobody has it open. */
  putBack(name: string, bytes: Uint8Array<ArrayBuffer>): void {
    const path = join(this.#directory, basename(name));
    // Not without need: the disk may be full.
    if (!hasBytes(path, bytes)) Deno.writeFileSync(path, bytes, { mode: 0o600 });
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
    const file = LocalFile.onDisk(path, this.#home, this.#open);
    const staged = StagingFile.restore(file, base, layout);
    this.#count++;
    return staged;
  }

  /** Resolves when all that was written to `file`, and its name, are on the device. */
  async datasync(file: StagingFile): Promise<void> {
    await Promise.all([file.datasync(), this.#syncNames()]);
  }

  /**
   * Closes and deletes a staging file whose content is safe elsewhere, or wanted by nobody. `adopt` may
   * take the closed file for itself, if it is on the disk, and then says true.
   */
  discard(file: StagingFile, adopt?: (path: string) => boolean): void {
    const { isOnDisk } = file;
    this.release(file);
    if (isOnDisk && adopt?.(file.path) !== true) Deno.removeSync(file.path);
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

  #make(path: string, bytes: Uint8Array<ArrayBuffer>): FdFile {
    const file = openFdFile(path, { ...this.#options, create: true });
    this.#created++;
    try {
      file.pwrite(bytes, 0);
      return file;
    } catch (error) {
      file.close();
      Deno.removeSync(path);
      throw error;
    }
  }

  async #syncNames(): Promise<void> {
    const created = this.#created;
    if (this.#named >= created) return;
    await syncDirectory(this.#directory);
    this.#named = Math.max(this.#named, created);
  }
}

function hasBytes(path: string, bytes: Uint8Array): boolean {
  try {
    if (Deno.statSync(path).size !== bytes.byteLength) return false;
    return Buffer.compare(Deno.readFileSync(path), bytes) === 0;
  } catch {
    return false;
  }
}
