/** Asking the endpoint for one name, without the directory that it is in. */
import { Deadline } from "../base/clock.ts";
import { NotFoundError, StoreError } from "../s3/errors.ts";
import { headIfPresent } from "../s3/head_if_present.ts";
import type { ObjectStore } from "../s3/object_store.ts";
import type { AttributeLoader } from "./attribute_loader.ts";
import type { ListedEntry } from "./listing.ts";

/** Who opens a file that may be another by now does not wait longer to learn it. */
const CONFIRM_MS = 3000;

export interface SingleNamesOptions {
  readonly store: ObjectStore;
  readonly attributes: AttributeLoader;
  /** True for a key that is to be deleted: it is not there, whatever the endpoint says. */
  readonly isRemoved: (key: string) => boolean;
}

export class SingleNames {
  readonly #options: SingleNamesOptions;

  constructor(options: SingleNamesOptions) {
    this.#options = options;
  }

  /** A name beyond the first page of a long directory: as a file and as a directory at once. */
  async find(prefix: string, name: string, signal: AbortSignal): Promise<ListedEntry | undefined> {
    const { store, attributes, isRemoved } = this.#options;
    const key = prefix + name;
    const [file, below] = await Promise.all([
      store.head(key, signal).catch((error: unknown) => {
        if (error instanceof NotFoundError) return undefined;
        throw error;
      }),
      store.list({ prefix: key + "/", maxKeys: 1 }, signal),
    ]);
    if (below.objects.length > 0 && !isRemoved(`${key}/`)) {
      const known = await attributes.ofRows(prefix, [{ key: `${name}/` }], name, name, signal);
      const own = known.find(({ etag }) => etag === "");
      return { kind: "directory", ...(own === undefined ? {} : { attributes: own.attributes }) };
    }
    return file === undefined || isRemoved(key) ? undefined : attributes.learn(prefix, name, file);
  }

  /** What the file `known` is now; when that cannot be learnt soon, what it was. */
  async confirm(
    prefix: string,
    name: string,
    known: ListedEntry | undefined,
    signal: AbortSignal,
  ): Promise<ListedEntry | undefined> {
    const { store, attributes } = this.#options;
    using patience = new Deadline(signal, CONFIRM_MS);
    try {
      const info = await headIfPresent(store, prefix + name, patience.signal);
      if (info === undefined) return undefined;
      return attributes.learn(prefix, name, info);
    } catch (error) {
      signal.throwIfAborted();
      const isAway = error instanceof DOMException ||
        (error instanceof StoreError && error.retryable);
      if (!isAway) throw error;
      return known;
    }
  }
}
