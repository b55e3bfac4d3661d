/** The directory of staging files of one mount. */
import { openFdFile } from "../ffi/fd_file.ts";
import type { ObjectSource } from "../cache/object_source.ts";
import { StagingFile } from "./staging_file.ts";

export class StagingArea {
  readonly #directory: string;
  #count = 0;

  /** `directory` exists, on a local disk, readable by the owner only. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** A new staging file over `base`. Throws `SystemError`. */
  create(base: ObjectSource | undefined): StagingFile {
    // Names are never used again: a file that an earlier run had to leave here stays as it is.
    const path = `${this.#directory}/${crypto.randomUUID()}`;
    const staged = new StagingFile(openFdFile(path, { create: true }), base);
    this.#count++;
    return staged;
  }

  /** How many staging files are in use. */
  get count(): number {
    return this.#count;
  }

  /** Closes and deletes a staging file whose content is safe elsewhere, or wanted by nobody. */
  discard(file: StagingFile): void {
    file.close();
    Deno.removeSync(file.path);
    this.#count--;
  }

  /**
   * Leaves a staging file on the disk with a note beside it (`PATH.json`) of which object it should
   * have become and why it did not: nothing that was written is thrown away.
   */
  async abandon(file: StagingFile, note: AbandonedNote): Promise<string> {
    await file.datasync();
    file.close();
    this.#count--;
    await Deno.writeTextFile(`${file.path}.json`, JSON.stringify(note, null, 2) + "\n", {
      mode: 0o600,
    });
    return file.path;
  }
}

/** What is written beside a staging file that could not be uploaded. */
export interface AbandonedNote {
  readonly bucket: string;
  readonly key: string;
  readonly size_bytes: number;
  readonly error: string;
  /** ISO 8601. */
  readonly at: string;
}
