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
  acceptEncoding: "identity",
};

/** What is assumed of a service that is not known: what all of them can do. */
export const CAUTIOUS_QUIRKS: Quirks = {
  ...AWS_QUIRKS,
  pathStyle: true,
  conditionalCopy: "check",
};
