/**
 * The files of the disk cache: one sparse file per content, each byte at its own offset, in
 * `DIRECTORY/ab/abcd...`. The last few used stay open.
 */
import { join } from "node:path";
import { ifThereSync } from "../../base/if_there.ts";
import { Semaphore } from "../../base/semaphore.ts";
import {
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  type FdFile,
  openFdFile,
  openFdFileElsewhere,
} from "../../ffi/fd_file.ts";
import { SystemError } from "../../ffi/system_error.ts";

/** Far below the 1024 descriptors that a process may have where nobody raised the limit. */
const OPEN_MAX = 128;
/** Files made at a time: the processors are wanted by the reads that bring their bytes. */
const CREATIONS_MAX = 1;
const NEVER = new AbortController().signal;

export class DiskFiles {
  readonly directory: string;
  /** In the order of use, the latest last. */
  readonly #open = new Map<string, FdFile>();
  /** How many writes each content has under way: its file must not be removed meanwhile. */
  readonly #writes = new Map<string, number>();
  /** Files on their way to be open for writing. */
  readonly #opening = new Map<string, Promise<FdFile>>();
  readonly #creations = new Semaphore(CREATIONS_MAX);
  /** Directories that are there, as far as is known. */
  readonly #directories = new Set<string>();

  constructor(directory: string) {
    this.directory = directory;
  }

  /** The content's file; undefined when there is none, or it cannot be opened. */
  open(content: string): FdFile | undefined {
    const open = this.#use(content);
    if (open !== undefined) return open;
    try {
      return this.#keepOpen(content, openFdFile(this.#pathOf(content)));
    } catch (error) {
      if (error instanceof SystemError) return undefined;
      throw error;
    }
  }

  /** Writes the parts one behind the other. Throws `SystemError`; some may then have been written. */
  async write(
    content: string,
    parts: readonly Uint8Array<ArrayBuffer>[],
    offset: number,
  ): Promise<void> {
    this.#hold(content);
    try {
      const file = this.#use(content) ?? await this.#openToWrite(content);
      await file.pwriteElsewhere(parts, offset);
    } finally {
      this.release(content);
    }
  }

  /**
   * Makes the file at `path` the content's, cut to `size`; false when that is not possible, as from
   * another file system. It counts as being written until `release`.
   */
  adopt(content: string, path: string, size: number): boolean {
    const target = this.#pathOf(content);
    try {
      Deno.mkdirSync(join(target, ".."), { recursive: true, mode: 0o700 });
      Deno.renameSync(path, target);
    } catch {
      return false;
    }
    this.#keepOpen(content, openFdFile(target)).truncate(size);
    this.#hold(content);
    return true;
  }

  /** The end of what `adopt` began. */
  release(content: string): void {
    const left = this.#writes.get(content)! - 1;
    if (left > 0) this.#writes.set(content, left);
    else this.#writes.delete(content);
  }

  /**
   * Gives a part of the file back to the disk. False when that is not possible and the whole file was
   * removed.
   */
  free(content: string, start: number, length: number): boolean {
    const file = this.open(content);
    if (file === undefined) return true;
    const isWriting = this.#writes.has(content);
    try {
      if (!isWriting && start === 0 && file.size() <= length) {
        this.remove(content);
        return true;
      }
      file.allocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, start, length);
      if (!isWriting && Deno.statSync(file.path).blocks === 0) this.remove(content);
      return true;
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      this.remove(content);
      return false;
    }
  }

  /** Gives back what lies in blocks of `size` bytes that are not to be kept. */
  keepOnly(content: string, size: number, isKept: (block: number) => boolean): void {
    const file = this.open(content);
    if (file === undefined) return;
    const count = Math.ceil(file.size() / size);
    for (let from = 0; from < count;) {
      let to = from;
      while (to < count && !isKept(to)) to++;
      if (to > from && !this.free(content, from * size, (to - from) * size)) return;
      from = to + 1;
    }
  }

  /** Deletes the content's file, if there is one. */
  remove(content: string): void {
    this.#open.get(content)?.close();
    this.#open.delete(content);
    ifThereSync(() => Deno.removeSync(this.#pathOf(content)));
  }

  /** What the content's file takes on disk, in bytes. */
  allocatedBytes(content: string): number {
    return 512 * (ifThereSync(() => Deno.statSync(this.#pathOf(content)))?.blocks ?? 0);
  }

  close(): void {
    for (const file of this.#open.values()) file.close();
    this.#open.clear();
  }

  #hold(content: string): void {
    this.#writes.set(content, (this.#writes.get(content) ?? 0) + 1);
  }

  /** The open file, as the one used last. */
  #use(content: string): FdFile | undefined {
    const open = this.#open.get(content);
    if (open === undefined) return undefined;
    this.#open.delete(content);
    this.#open.set(content, open);
    return open;
  }

  /** The content's file, made if there is none. Throws `SystemError`. */
  #openToWrite(content: string): Promise<FdFile> {
    const present = this.#opening.get(content);
    if (present !== undefined) return present;
    const opening = this.#create(content).finally(() => this.#opening.delete(content));
    this.#opening.set(content, opening);
    return opening;
  }

  async #create(content: string): Promise<FdFile> {
    const path = this.#pathOf(content);
    const directory = join(path, "..");
    const release = await this.#creations.acquire(NEVER);
    try {
      if (!this.#directories.has(directory)) {
        await Deno.mkdir(directory, { recursive: true, mode: 0o700 }).catch(() => {});
        this.#directories.add(directory);
      }
      const file = await openFdFileElsewhere(path, { create: true });
      const open = this.#use(content);
      if (open === undefined) return this.#keepOpen(content, file ?? createHere(path));
      // A read has opened it meanwhile.
      file?.close();
      return open;
    } finally {
      release();
    }
  }

  #keepOpen(content: string, file: FdFile): FdFile {
    this.#open.set(content, file);
    if (this.#open.size > OPEN_MAX) {
      const [oldest, used] = this.#open.entries().next().value!;
      this.#open.delete(oldest);
      used.close();
    }
    return file;
  }

  #pathOf(content: string): string {
    return join(this.directory, content.slice(0, 2), content);
  }
}

function createHere(path: string): FdFile {
  try {
    return openFdFile(path, { create: true });
  } catch (error) {
    if (!(error instanceof SystemError) || error.errno !== "ENOENT") throw error;
    Deno.mkdirSync(join(path, ".."), { recursive: true, mode: 0o700 });
    return openFdFile(path, { create: true });
  }
}
