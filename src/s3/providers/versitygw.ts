import { CAUTIOUS_QUIRKS, type Provider } from "../quirks.ts";

/** versitygw: ignores conditions on a copy's destination, and ETags in DeleteObjects. */
export const versitygw: Provider = {
  name: "versitygw",
  server: /^VERSITYGW/i,
  quirks: {
    ...CAUTIOUS_QUIRKS,
    conditionalDelete: "single",
    putChecksum: "crc32",
    partChecksum: "crc32",
  },
};
