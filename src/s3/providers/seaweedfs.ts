import { CAUTIOUS_QUIRKS, type Provider } from "../quirks.ts";

/** SeaweedFS: older releases ignore conditions on writes. */
export const seaweedfs: Provider = {
  name: "SeaweedFS",
  server: /SeaweedFS/i,
  quirks: { ...CAUTIOUS_QUIRKS, conditionalWrites: "check" },
};
