import { CAUTIOUS_QUIRKS, type Provider } from "../quirks.ts";

export const versitygw: Provider = {
  name: "versitygw",
  server: /^VERSITYGW/i,
  quirks: CAUTIOUS_QUIRKS,
};
