/** The stores whose objects are cached on disk, and what their contents are called there. */
import type { ObjectStore } from "../../s3/object_store.ts";
import { contentId } from "../content_id.ts";
import type { ObjectSource } from "../object_source.ts";

/** What a mount brings. */
export interface DiskMember {
  /** Names the bucket among all endpoints. */
  readonly bucket: string;
  /** What stands before the store's own keys in the bucket. */
  readonly prefix: string;
  /** The volume in whose share its blocks count. */
  readonly volume: number;
}

interface KnownId {
  readonly key: string;
  readonly etag: string;
  readonly id: string | undefined;
}

export class DiskMembers {
  readonly #members = new WeakMap<ObjectStore, DiskMember>();
  readonly #ids = new WeakMap<ObjectSource, KnownId>();

  add(store: ObjectStore, member: DiskMember): void {
    this.#members.set(store, member);
  }

  of(store: ObjectStore): DiskMember | undefined {
    return this.#members.get(store);
  }

  /** The content's name on disk; undefined when it is not cached there. */
  idOf(source: ObjectSource): string | undefined {
    const member = this.#members.get(source.store);
    if (member === undefined) return undefined;
    const { key, etag } = source;
    const known = this.#ids.get(source);
    if (known?.etag === etag && known.key === key) return known.id;
    const id = contentId(member.bucket, member.prefix, source);
    this.#ids.set(source, { key, etag, id });
    return id;
  }
}
