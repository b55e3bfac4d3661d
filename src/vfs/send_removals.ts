/**
 * Deletes objects whose names were removed here, many at a time. An object that is not the version
 * that was seen when it was removed is somebody else's: it stays.
 */
import { NotFoundError } from "../s3/errors.ts";
import type { ObjectInfo } from "../s3/object_store.ts";
import type { Change } from "./change.ts";
import type { Conflicts } from "./conflicts.ts";
import type { FileContent } from "./file_content.ts";
import type { Volume } from "./volume.ts";

/** From so many names in a directory on, a LIST is cheaper than a HEAD for each. */
const LIST_FROM = 4;
/** Nobody's program ends between an upload and its record later than this. */
const CLOCKS_APART_MS = 15 * 60_000;

export class SendRemovals {
  readonly #volume: Volume;
  readonly #content: FileContent;
  readonly #conflicts: Conflicts;

  constructor(volume: Volume, content: FileContent, conflicts: Conflicts) {
    this.#volume = volume;
    this.#content = content;
    this.#conflicts = conflicts;
  }

  /** Tries all; returns in the place of each why it failed, if it did. */
  async send(changes: readonly Change[], signal: AbortSignal): Promise<(Error | undefined)[]> {
    const { store } = this.#volume.options;
    const revisions = changes.map((change) => change.revision);
    const present = await this.#look(changes, signal);
    const doomed: Change[] = [];
    for (const change of changes) {
      const info = present.get(change.key);
      if (change.key.endsWith("/")) doomed.push(change);
      else if (info !== undefined && this.#isOurs(change, info)) {
        await this.#content.keepOrphans(change.key, signal);
        doomed.push(change);
      } else if (info !== undefined) {
        this.#conflicts.keepRemote(change);
      }
    }
    const failures = new Map<string, Error>();
    if (doomed.length > 0) {
      const targets = doomed.map(({ key }) => {
        const etag = present.get(key)?.etag;
        return etag === undefined ? { key } : { key, ifMatch: etag };
      });
      for (const { key, code, message, error } of await store.deleteMany(targets, signal)) {
        const change = doomed.find((change) => change.key === key);
        if (code === "PreconditionFailed" && change !== undefined) {
          this.#conflicts.keepRemote(change);
        } else {
          failures.set(key, error ?? new Error(`Cannot delete "${key}": ${code}: ${message}`));
        }
      }
    }
    const settled = changes.filter((change, index) => {
      if (failures.has(change.key)) return false;
      change.remote = undefined;
      // Made anew meanwhile: now there is nothing to be replaced.
      return change.revision === revisions[index];
    });
    this.#volume.options.attributes.together(() => settled.forEach((one) => this.#settle(one)));
    await this.#volume.changes.commit(changes.map(({ key }) => key));
    return changes.map(({ key }) => failures.get(key));
  }

  #settle(change: Change): void {
    const { listings, attributes } = this.#volume.options;
    const path = change.key.endsWith("/") ? change.key.slice(0, -1) : change.key;
    const split = path.lastIndexOf("/") + 1;
    const prefix = path.slice(0, split);
    const name = path.slice(split);
    this.#volume.changes.settle(change);
    const kind = change.key.endsWith("/") ? "directory" : "file";
    if (kind === "directory") listings.forgetTree(change.key);
    listings.setDeleted(prefix, name, kind);
    attributes.forget(prefix, name, kind);
  }

  #isOurs(change: Change, info: ObjectInfo): boolean {
    if (info.etag === change.remote || change.sent.includes(info.etag)) return true;
    // The program ended during an upload whose file had been removed.
    return change.uploadingSize === info.size &&
      info.lastModifiedMs > change.sinceMs - CLOCKS_APART_MS;
  }

  /** What the keys hold now; markers of directories are not looked at: they have no content. */
  async #look(
    changes: readonly Change[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, ObjectInfo>> {
    const byDirectory = new Map<string, string[]>();
    for (const { key } of changes) {
      if (key.endsWith("/")) continue;
      const prefix = key.slice(0, key.lastIndexOf("/") + 1);
      const keys = byDirectory.get(prefix) ?? [];
      keys.push(key);
      byDirectory.set(prefix, keys);
    }
    const found = new Map<string, ObjectInfo>();
    await Promise.all([...byDirectory].map(async ([prefix, keys]) => {
      if (keys.length >= LIST_FROM) await this.#list(prefix, new Set(keys), found, signal);
      else await Promise.all(keys.map((key) => this.#head(key, found, signal)));
    }));
    return found;
  }

  async #head(key: string, found: Map<string, ObjectInfo>, signal: AbortSignal): Promise<void> {
    try {
      found.set(key, await this.#volume.options.store.head(key, signal));
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error;
    }
  }

  async #list(
    prefix: string,
    keys: Set<string>,
    found: Map<string, ObjectInfo>,
    signal: AbortSignal,
  ): Promise<void> {
    const { store } = this.#volume.options;
    let token: string | undefined;
    let pages = 0;
    do {
      // Few among very many others: one by one after all.
      if (++pages > 1 + keys.size / LIST_FROM) {
        await Promise.all([...keys].map((key) => this.#head(key, found, signal)));
        return;
      }
      const page = await store.list(
        { prefix, delimiter: "/", ...(token === undefined ? {} : { token }) },
        signal,
      );
      for (const object of page.objects) if (keys.delete(object.key)) found.set(object.key, object);
      token = page.nextToken;
    } while (token !== undefined && keys.size > 0);
  }
}
