import { CAUTIOUS_QUIRKS, type Provider } from "../quirks.ts";

/** Wasabi: ignores conditions on writes. */
export const wasabi: Provider = {
  name: "Wasabi",
  host: /\.wasabisys\.com$/,
  server: /^WasabiS3/i,
  quirks: { ...CAUTIOUS_QUIRKS, conditionalWrites: "check" },
};
