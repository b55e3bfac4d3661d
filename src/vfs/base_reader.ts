/**
 * Reads what a staged file lacks of its base. The answer to the first GET tells what the object says
 * besides its bytes, which spares a HEAD.
 */
import type { FileReader } from "../content/file_reader.ts";
import type { ReadBase } from "../content/read_base.ts";
import type { ObjectInfo } from "../s3/object_store.ts";
import type { InodeSource } from "./inode.ts";

export class BaseReader implements Disposable {
  readonly read: ReadBase;
  readonly #source: InodeSource | undefined;
  readonly #reader: FileReader;
  readonly #info = Promise.withResolvers<ObjectInfo | undefined>();
  #isReading = false;

  /** `source` is the base, if there is one; `reader` is taken over. */
  constructor(source: InodeSource | undefined, reader: FileReader) {
    this.#source = source;
    this.#reader = reader;
    if (source !== undefined) source.onInfo = (info) => this.#info.resolve(info);
    this.read = (source, offset, size, signal) => {
      const views = reader.read(source, offset, size, signal);
      if (!this.#isReading) {
        this.#isReading = true;
        // It was here already, or others have asked for it.
        const nothingTold = () => this.#info.resolve(undefined);
        void Promise.resolve(views).then(nothingTold, nothingTold);
      }
      return views;
    };
  }

  /** What was told, once it is; undefined when nothing was read or nothing was told. Never rejects. */
  async info(): Promise<ObjectInfo | undefined> {
    return this.#isReading ? await this.#info.promise : undefined;
  }

  [Symbol.dispose](): void {
    if (this.#source !== undefined) this.#source.onInfo = undefined;
    this.#reader.close();
  }
}
