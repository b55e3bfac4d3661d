import { CAUTIOUS_QUIRKS, type Provider } from "../quirks.ts";

/** Backblaze B2: refuses conditional writes with 501. */
export const b2: Provider = {
  name: "Backblaze B2",
  host: /\.backblazeb2\.com$/,
  quirks: { ...CAUTIOUS_QUIRKS, conditionalWrites: "check", etag: "opaque" },
};
