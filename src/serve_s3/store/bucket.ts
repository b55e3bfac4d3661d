/**
 * One bucket in one directory: `bucket.json`, `versions/` (a record per version), `blobs/` (bytes) and
 * `uploads/`. Keys never become file names: a record's name is a hash of its key and the version id.
 *
 * Everything that changes a bucket is synchronous, from the check of its conditions to the rename of
 * the record, so that concurrent requests see one order of changes.
 */
import { createHash, randomBytes } from "node:crypto";
import type { Clock } from "../../base/clock.ts";
import { checkWriteCondition, type WriteCondition } from "../conditions.ts";
import { BlobStore } from "./blob_store.ts";
import { readJson, readJsonFiles, removeIfPresent, writeJson } from "./files.ts";
import { KeyIndex } from "./key_index.ts";
import type { BucketRecord, ObjectDraft, ObjectVersion, Versioning } from "./records.ts";
import { Uploads } from "./uploads.ts";

/** What a deletion did, for the response headers. */
export interface Deletion {
  /** Set when versions are involved. */
  readonly versionId?: string;
  /** A delete marker was made or, when a version was named, removed. */
  readonly deleteMarker: boolean;
}

export class Bucket {
  readonly name: string;
  readonly blobs: BlobStore;
  readonly uploads: Uploads;
  readonly index: KeyIndex;
  readonly #directory: string;
  readonly #clock: Clock;
  #record: BucketRecord;
  #sequence = 0;

  private constructor(name: string, directory: string, clock: Clock) {
    this.name = name;
    this.#directory = directory;
    this.#clock = clock;
    this.#record = readJson<BucketRecord>(`${directory}/bucket.json`);
    const versions = readJsonFiles<ObjectVersion>(`${directory}/versions`);
    this.blobs = new BlobStore(`${directory}/blobs`);
    for (const version of versions) {
      this.#sequence = Math.max(this.#sequence, version.sequence);
      this.blobs.retain(version.extents);
    }
    this.index = new KeyIndex(versions);
    this.uploads = new Uploads(`${directory}/uploads`, this.blobs);
  }

  /** Makes the directory of a new bucket; fails when there is anything of that name. */
  static create(name: string, directory: string, clock: Clock): Bucket {
    Deno.mkdirSync(directory);
    for (const part of ["versions", "blobs", "uploads"]) Deno.mkdirSync(`${directory}/${part}`);
    const record: BucketRecord = { createdMs: clock.nowMs(), versioning: "Unversioned" };
    writeJson(`${directory}/bucket.json`, record);
    return new Bucket(name, directory, clock);
  }

  static async load(name: string, directory: string, clock: Clock): Promise<Bucket> {
    const bucket = new Bucket(name, directory, clock);
    await bucket.blobs.collectGarbage();
    return bucket;
  }

  get createdMs(): number {
    return this.#record.createdMs;
  }

  get versioning(): Versioning {
    return this.#record.versioning;
  }

  set versioning(versioning: Versioning) {
    this.#record = { ...this.#record, versioning };
    writeJson(`${this.#directory}/bucket.json`, this.#record);
  }

  get isEmpty(): boolean {
    return this.index.size === 0;
  }

  /**
   * Makes `draft` the current version of its key if `condition` holds. Takes over the reference that
   * the caller holds on its extents; on failure the caller keeps it.
   */
  put(draft: ObjectDraft, condition: WriteCondition): ObjectVersion {
    checkWriteCondition(condition, this.index.current(draft.key));
    const version = this.#identify({ ...draft, deleteMarker: false });
    this.#add(version);
    return version;
  }

  /** Changes what is kept about a version, not its bytes. */
  update(version: ObjectVersion): void {
    this.#write(version);
    this.index.replace(version);
  }

  /** DELETE without a version id: hides the object under a marker, or removes it if unversioned. */
  delete(key: string): Deletion {
    if (this.versioning === "Unversioned") {
      this.#remove(this.index.version(key, "null"));
      return { deleteMarker: false };
    }
    const properties = { headers: {}, metadata: {}, storageClass: "STANDARD", tags: [] };
    const content = { size: 0, etag: "", extents: [] };
    const marker = this.#identify({ key, ...properties, ...content, deleteMarker: true });
    this.#add(marker);
    return { versionId: marker.versionId, deleteMarker: true };
  }

  /** DELETE with a version id: removes that version for good. */
  deleteVersion(key: string, versionId: string): Deletion {
    const version = this.index.version(key, versionId);
    this.#remove(version);
    return { versionId, deleteMarker: version?.deleteMarker === true };
  }

  /** Removes the bucket from the disk; it must not be used afterwards. */
  destroy(): void {
    removeIfPresent(this.#directory, { recursive: true });
  }

  #identify(version: ObjectDraft & { deleteMarker: boolean }): ObjectVersion {
    return {
      ...version,
      versionId: this.versioning === "Enabled" ? randomBytes(24).toString("base64url") : "null",
      sequence: ++this.#sequence,
      lastModifiedMs: this.#clock.nowMs(),
    };
  }

  #add(version: ObjectVersion): void {
    this.#write(version);
    const replaced = this.index.add(version);
    if (replaced !== undefined) this.blobs.release(replaced.extents);
  }

  #remove(version: ObjectVersion | undefined): void {
    if (version === undefined) return;
    removeIfPresent(this.#pathOf(version));
    this.index.remove(version.key, version.versionId);
    this.blobs.release(version.extents);
  }

  #write(version: ObjectVersion): void {
    writeJson(this.#pathOf(version), version);
  }

  #pathOf({ key, versionId }: ObjectVersion): string {
    const hash = createHash("sha256").update(key).digest("hex");
    return `${this.#directory}/versions/${hash}-${versionId}.json`;
  }
}
