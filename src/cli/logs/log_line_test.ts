import assert from "node:assert/strict";
import { PLAIN } from "../style.ts";
import { isOfMount, logLineText } from "./log_line.ts";

const LINE = JSON.stringify({
  "@timestamp": "2026-11-21T18:40:42.424Z",
  level: "WARN",
  message: "Cannot read \u001b[31mx\u001b[0m",
  logger: "cloudmount.vfs.my.photos",
});

Deno.test("A log line shows its time, level, category and words, and cannot command the terminal", () => {
  assert.match(
    logLineText(LINE, PLAIN),
    /^2026-11-2[12] \d\d:\d\d:42 warn {2}vfs\.my\.photos: Cannot read \\u\{1b\}\[31mx/,
  );
  assert.equal(logLineText("not JSON \u0007", PLAIN), "not JSON \\u{7}");
  assert.equal(logLineText("{}", PLAIN), "{}");
});

Deno.test("Lines of a mount are told by their logger", () => {
  assert.ok(isOfMount(LINE, "my.photos"));
  assert.ok(!isOfMount(LINE, "photo"));
  assert.ok(!isOfMount("not JSON", "photos"));
});
