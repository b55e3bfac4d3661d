import { CAUTIOUS_QUIRKS, type Provider } from "../quirks.ts";

export const minio: Provider = {
  name: "MinIO",
  server: /^MinIO/i,
  quirks: CAUTIOUS_QUIRKS,
};
