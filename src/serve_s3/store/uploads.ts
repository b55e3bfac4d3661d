/** The multipart uploads of one bucket: a directory each, with a record per part. */
import { randomBytes } from "node:crypto";
import type { BlobStore } from "./blob_store.ts";
import { readJson, readJsonFiles, removeIfPresent, writeJson } from "./files.ts";
import type { PartRecord, UploadRecord } from "./records.ts";
import { S3Error } from "../s3_error.ts";

/** An upload and what has arrived of it. */
export interface Upload {
  readonly record: UploadRecord;
  readonly parts: ReadonlyMap<number, PartRecord>;
}

export class Uploads {
  readonly #directory: string;
  readonly #blobs: BlobStore;
  readonly #uploads = new Map<string, { record: UploadRecord; parts: Map<number, PartRecord> }>();

  /** Loads what is in `directory`, and takes the references of the parts. */
  constructor(directory: string, blobs: BlobStore) {
    this.#directory = directory;
    this.#blobs = blobs;
    for (const { name } of Deno.readDirSync(directory)) {
      if (name.startsWith(".")) continue;
      const path = `${directory}/${name}`;
      const parts = new Map<number, PartRecord>();
      for (const part of readJsonFiles<PartRecord>(`${path}/parts`)) {
        parts.set(part.number, part);
        blobs.retain(part.extents);
      }
      this.#uploads.set(name, { record: readJson<UploadRecord>(`${path}/upload.json`), parts });
    }
  }

  get size(): number {
    return this.#uploads.size;
  }

  all(): UploadRecord[] {
    return [...this.#uploads.values()].map((upload) => upload.record);
  }

  create(draft: Omit<UploadRecord, "id">): UploadRecord {
    const record = { ...draft, id: randomBytes(32).toString("base64url") };
    // Renamed when complete, since every other directory here is taken for an upload.
    const incomplete = `${this.#directory}/.${record.id}`;
    Deno.mkdirSync(`${incomplete}/parts`, { recursive: true });
    writeJson(`${incomplete}/upload.json`, record);
    Deno.renameSync(incomplete, `${this.#directory}/${record.id}`);
    this.#uploads.set(record.id, { record, parts: new Map() });
    return record;
  }

  /** The upload of that id, which must be for that key. */
  get(id: string, key: string): Upload {
    const upload = this.#uploads.get(id);
    if (upload !== undefined && upload.record.key === key) return upload;
    throw new S3Error(
      "NoSuchUpload",
      "The specified upload does not exist. The upload ID may be invalid, or the upload may have " +
        "been aborted or completed.",
      { details: { UploadId: id } },
    );
  }

  /** Adds or replaces a part; takes over the reference that the caller holds on its extents. */
  putPart(id: string, key: string, part: PartRecord): void {
    const { parts } = this.#existing(id, key);
    writeJson(`${this.#directory}/${id}/parts/${part.number}.json`, part);
    const replaced = parts.get(part.number);
    parts.set(part.number, part);
    if (replaced !== undefined) this.#blobs.release(replaced.extents);
  }

  /** Forgets the upload and all its parts. */
  remove(id: string, key: string): void {
    const { parts } = this.#existing(id, key);
    this.#uploads.delete(id);
    removeIfPresent(`${this.#directory}/${id}`, { recursive: true });
    for (const part of parts.values()) this.#blobs.release(part.extents);
  }

  #existing(id: string, key: string): { parts: Map<number, PartRecord> } {
    this.get(id, key);
    return this.#uploads.get(id)!;
  }
}
