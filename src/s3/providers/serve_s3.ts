import { AWS_QUIRKS, type Provider } from "../quirks.ts";

/** The server of this program. */
export const serveS3: Provider = {
  name: "serve-s3",
  server: /^cloudmount/,
  quirks: { ...AWS_QUIRKS, pathStyle: true, partChecksum: "crc32" },
};
