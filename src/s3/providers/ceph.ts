import { CAUTIOUS_QUIRKS, type Provider } from "../quirks.ts";

/** Ceph RADOS Gateway: takes any region; older releases ignore conditions on writes. */
export const ceph: Provider = {
  name: "Ceph",
  server: /Ceph|Civetweb/i,
  quirks: { ...CAUTIOUS_QUIRKS, conditionalWrites: "check" },
};
