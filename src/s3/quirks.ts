/** What differs between S3 services, as data. The defaults mean "as AWS does it". */

export interface Quirks {
  /** Address the bucket as the first part of the path, not of the host name, unless configured. */
  readonly pathStyle: boolean;
  /** The region that requests are signed for when none is configured. */
  readonly region: string;
  /** 1 where ListObjectsV2 is missing. Learned as well when a server refuses version 2. */
  readonly listVersion: 1 | 2;
  /**
   * "native": PUT and CompleteMultipartUpload obey If-Match and If-None-Match. "check": the server
   * ignores or refuses them, so the object is looked at right before; a race remains.
   */
  readonly conditionalWrites: "native" | "check";
  /** The same for the destination of CopyObject, where fewer servers obey them. */
  readonly conditionalCopy: "native" | "check";
  /**
   * Which deletions obey If-Match: "native": DeleteObject and each key of DeleteObjects; "single":
   * DeleteObject only; "none": the condition is not sent.
   */
  readonly conditionalDelete: "native" | "single" | "none";
  /**
   * The checksum that goes with a PutObject. "crc32": `x-amz-checksum-crc32`, which the answer
   * repeats; computing it costs next to nothing. "md5": Content-MD5, which every server takes, and
   * which the ETag repeats.
   */
  readonly putChecksum: "crc32" | "md5";
  /**
   * The same for UploadPart. "crc32" only where the upload need not announce it: AWS wants that, and
   * MinIO then refuses copied parts.
   */
  readonly partChecksum: "crc32" | "md5";
  /** "md5": unless encrypted, an object's ETag is its MD5, or that of its parts' MD5s. */
  readonly etag: "md5" | "opaque";
  /** `Accept-Encoding` of GET. "gzip" keeps a server from unpacking objects stored as gzip. */
  readonly acceptEncoding: "identity" | "gzip";
}

/** One service. */
export interface Provider {
  readonly name: string;
  /** Recognises it by the endpoint's host name, */
  readonly host?: RegExp;
  /** or by the Server header of its answers. */
  readonly server?: RegExp;
  readonly quirks: Quirks;
}

export const AWS_QUIRKS: Quirks = {
  pathStyle: false,
  region: "us-east-1",
  listVersion: 2,
  conditionalWrites: "native",
  conditionalCopy: "native",
  conditionalDelete: "native",
  putChecksum: "crc32",
  partChecksum: "md5",
  etag: "md5",
  acceptEncoding: "identity",
};

/** What is assumed of a service that is not known: what all of them can do. */
export const CAUTIOUS_QUIRKS: Quirks = {
  ...AWS_QUIRKS,
  pathStyle: true,
  conditionalCopy: "check",
  conditionalDelete: "none",
  putChecksum: "md5",
};
