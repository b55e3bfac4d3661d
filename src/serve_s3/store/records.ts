/** What is kept about objects and multipart uploads; plain JSON, one file per record. */
import type { Checksum, ChecksumAlgorithm, ChecksumType } from "../body/checksums.ts";

/** A run of bytes in a blob (see blob_store.ts). */
export interface Extent {
  readonly blob: string;
  readonly offset: number;
  readonly size: number;
}

/** What the client says about an object when writing it. */
export interface ObjectProperties {
  /** Content-Type and the other system headers, by lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  /** User metadata, names without `x-amz-meta-`. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly storageClass: string;
  readonly tags: readonly (readonly [name: string, value: string])[];
}

/** One version of an object, or a delete marker. */
export interface ObjectVersion extends ObjectProperties {
  readonly key: string;
  /** "null" for what was written while versioning was not enabled. */
  readonly versionId: string;
  /** Grows with every change of the bucket: orders the versions of a key. */
  readonly sequence: number;
  readonly lastModifiedMs: number;
  readonly deleteMarker: boolean;
  readonly size: number;
  /** Without quotes. */
  readonly etag: string;
  readonly extents: readonly Extent[];
  /** Sizes of the parts of a multipart upload, in order. */
  readonly partSizes?: readonly number[];
  readonly checksum?: Checksum;
}

/** A version before the bucket gave it its identity. */
export type ObjectDraft = Omit<
  ObjectVersion,
  "versionId" | "sequence" | "lastModifiedMs" | "deleteMarker"
>;

/** A multipart upload in progress. */
export interface UploadRecord extends ObjectProperties {
  readonly id: string;
  readonly key: string;
  readonly initiatedMs: number;
  readonly checksumAlgorithm?: ChecksumAlgorithm;
  readonly checksumType?: ChecksumType;
}

export interface PartRecord {
  /** 1 to 10000. */
  readonly number: number;
  readonly size: number;
  readonly etag: string;
  readonly lastModifiedMs: number;
  readonly extents: readonly Extent[];
  readonly checksums: readonly Checksum[];
}

export type Versioning = "Unversioned" | "Enabled" | "Suspended";

export interface BucketRecord {
  readonly createdMs: number;
  readonly versioning: Versioning;
}
