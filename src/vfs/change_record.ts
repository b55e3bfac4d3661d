/** How a change stands in the journal. */
import type { PosixAttributes } from "../listings/posix_metadata.ts";
import type { StagingArea } from "../content/staging_area.ts";
import type { StagedLayout } from "../content/staged_layout.ts";
import type { Change } from "./change.ts";
import type { FileInode, KeptProperties, SyncedContent } from "./inode.ts";

/** Kinds of journal entries; their keys are object keys. */
export const CHANGE = "change";

/** For people who look into the journal: what S3 lacks, or why it lacks it. */
export type ChangeState = "dirty" | "uploading" | "failed";

interface CommonRecord {
  readonly state: ChangeState;
  /** ETag of the object that is replaced or removed; null: there was none. */
  readonly remote: string | null;
  /** ETags of what was being written; the program may have ended before it knew whether that succeeded. */
  readonly sent?: readonly string[];
  /** Milliseconds since the epoch. */
  readonly sinceMs: number;
}

export interface FileRecord extends CommonRecord {
  readonly wish: "file";
  readonly attributes: PosixAttributes;
  readonly attributesDirty: boolean;
  readonly storageClass?: string;
  /** The object that has the content, or what of it was not written here. */
  readonly source?: { readonly key: string; readonly etag: string; readonly size: number };
  readonly lastModifiedMs: number;
  /** Where it is known; then the object under the old name is not needed for it. */
  readonly kept?: KeptProperties;
  /** Where the content is that S3 lacks: in that file, or in the journal (journalled_contents.ts). */
  readonly staged?: StagedLayout & { readonly file: string; readonly inJournal?: true };
}

export interface DirectoryRecord extends CommonRecord {
  readonly wish: "directory";
  readonly attributes: PosixAttributes;
}

export interface RemovalRecord extends CommonRecord {
  readonly wish: "removal";
  readonly uploadingSize?: number;
}

export type ChangeRecord = FileRecord | DirectoryRecord | RemovalRecord;

/** The record of a change, or undefined when what it wishes is not durable yet: then the old one stays. */
export function recordOf(change: Change, staging: StagingArea): ChangeRecord | undefined {
  const { wish } = change;
  const common: CommonRecord = {
    state: change.running ? "uploading" : change.error?.passing === false ? "failed" : "dirty",
    remote: change.remote ?? null,
    ...(change.sent.length === 0 ? {} : { sent: change.sent }),
    sinceMs: change.sinceMs,
  };
  if (wish.kind === "removal") {
    const { uploadingSize } = change;
    return {
      ...common,
      wish: "removal",
      ...(uploadingSize === undefined ? {} : { uploadingSize }),
    };
  }
  if (wish.kind === "directory") {
    const { attributes } = wish.inode;
    return { ...common, wish: "directory", attributes };
  }
  return fileRecord(common, wish.inode, staging);
}

function fileRecord(
  common: CommonRecord,
  inode: FileInode,
  staging: StagingArea,
): FileRecord | undefined {
  const { staged, synced, attributes, attributesDirty, storageClass, lastModifiedMs, kept } = inode;
  if (inode.dirty && synced?.staged !== staged) return undefined;
  const source = (inode.dirty ? staged!.base : undefined) ?? inode.source;
  return {
    ...common,
    wish: "file",
    attributes,
    attributesDirty,
    lastModifiedMs,
    ...(storageClass === undefined ? {} : { storageClass }),
    ...(source === undefined
      ? {}
      : { source: { key: source.key, etag: source.etag, size: source.size } }),
    ...(kept === undefined ? {} : { kept }),
    ...(inode.dirty ? { staged: stagedRecord(staging.nameOf(staged!), synced!) } : {}),
  };
}

function stagedRecord(
  file: string,
  { layout, inJournal }: SyncedContent,
): NonNullable<FileRecord["staged"]> {
  return { file, ...layout, ...(inJournal ? { inJournal } : {}) };
}

/** Reads a record. Throws `TypeError` when it is none. */
export function decodeRecord(value: unknown): ChangeRecord {
  const record = value as ChangeRecord;
  const sound = isObject(record) && typeof record.sinceMs === "number" &&
    (record.remote === null || typeof record.remote === "string") &&
    (record.wish === "removal" ||
      (isObject(record.attributes) && (record.wish === "directory" || isFileSound(record))));
  if (!sound) throw new TypeError(`Not a record of a change: ${JSON.stringify(value)}`);
  return record;
}

function isFileSound({ wish, source, staged, kept }: FileRecord): boolean {
  if (wish !== "file" || (source === undefined && staged === undefined)) return false;
  if (kept !== undefined && !isObject(kept)) return false;
  const sourceSound = source === undefined ||
    (typeof source.key === "string" && typeof source.etag === "string" && isSize(source.size));
  const stagedSound = staged === undefined ||
    (typeof staged.file === "string" && isSize(staged.size) && isSize(staged.baseSize) &&
      Array.isArray(staged.present) &&
      staged.present.every((range) => isSize(range.start) && isSize(range.end)) &&
      (staged.baseSize === 0 || source !== undefined));
  return sourceSound && stagedSound;
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}
