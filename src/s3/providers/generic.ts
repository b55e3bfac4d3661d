import { CAUTIOUS_QUIRKS, type Provider } from "../quirks.ts";

/** Any service that no other entry recognises. */
export const generic: Provider = { name: "S3-compatible", quirks: CAUTIOUS_QUIRKS };
