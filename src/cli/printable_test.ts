import assert from "node:assert/strict";
import { printable } from "./printable.ts";

Deno.test("Text cannot move the cursor, ring, recolour or turn the reading direction", () => {
  assert.equal(
    printable("a\x1b[31mb\x07\r\u009b1m\u202ec"),
    [
      "a\\u{1b}[31mb\\u{7}\\u{d}\\u{9b}1m\\u{202e}c",
    ][0],
  );
});

Deno.test("Ordinary text of any script stays, with tabs and line ends", () => {
  assert.equal(printable("ä 🪣\tשלום\n日本"), "ä 🪣\tשלום\n日本");
});
