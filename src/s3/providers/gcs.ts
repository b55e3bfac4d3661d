import { CAUTIOUS_QUIRKS, type Provider } from "../quirks.ts";

/**
 * Google Cloud Storage by its S3-compatible XML API: its conditions on writes are generation numbers
 * in headers of its own, and it unpacks gzip objects for clients that do not accept gzip.
 */
export const gcs: Provider = {
  name: "Google Cloud Storage",
  host: /(^|\.)storage\.googleapis\.com$/,
  quirks: {
    ...CAUTIOUS_QUIRKS,
    region: "auto",
    conditionalWrites: "check",
    etag: "opaque",
    acceptEncoding: "gzip",
  },
};
