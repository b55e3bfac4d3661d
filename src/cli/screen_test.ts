import assert from "node:assert/strict";
import { Screen } from "./screen.ts";

Deno.test("A screen is drawn over in one write, cut to the terminal, and left as it was", () => {
  const written: string[] = [];
  let rows = 2;
  {
    using screen = new Screen((text) => written.push(text), () => rows);
    screen.draw("one\ntwo\nthree");
    rows = 5;
    screen.draw("one");
  }
  assert.deepEqual(written, [
    "\x1b[?1049h\x1b[?25l\x1b[?7l",
    "\x1b[?2026h\x1b[Hone\x1b[K\r\ntwo\x1b[K\x1b[J\x1b[?2026l",
    "\x1b[?2026h\x1b[Hone\x1b[K\x1b[J\x1b[?2026l",
    "\x1b[?7h\x1b[?25h\x1b[?1049l",
  ]);
});
