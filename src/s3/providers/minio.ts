import { CAUTIOUS_QUIRKS, type Provider } from "../quirks.ts";

/** MinIO: ignores conditions on deletions and on a copy's destination. */
export const minio: Provider = {
  name: "MinIO",
  server: /^MinIO/i,
  quirks: { ...CAUTIOUS_QUIRKS, putChecksum: "crc32", partChecksum: "crc32" },
};
