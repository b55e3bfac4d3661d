import { CAUTIOUS_QUIRKS, type Provider } from "../quirks.ts";

/** Cloudflare R2: signs for region "auto"; takes conditions on PUT and on CopyObject's destination by its own headers only. */
export const r2: Provider = {
  name: "Cloudflare R2",
  host: /\.r2\.cloudflarestorage\.com$/,
  quirks: { ...CAUTIOUS_QUIRKS, region: "auto" },
};
