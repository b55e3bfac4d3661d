import assert from "node:assert/strict";
import { fakeReport } from "../../../tests/daemon/fake_backend.ts";
import { fakeStatus as document } from "../../../tests/daemon/fake_status.ts";
import { PLAIN } from "../style.ts";
import { statusText } from "./_status_text.ts";

Deno.test("The status table shows each mount in a line and what is wrong below", () => {
  const text = statusText(
    document([
      { prefix: "2026/", ...fakeReport(2) },
      {
        name: "docs",
        state: "failed",
        error: { message: "No such bucket", hint: "Create it", since: "2026-11-01T00:00:00.000Z" },
      },
    ]),
    PLAIN,
  );
  assert.equal(
    text,
    `Cloudmount 1.2.3, pid 7, up 1 min, memory 1 KiB of 2 KiB (process 4 KiB), connections 1 of 64

NAME    STATE    BUCKET               MOUNT POINT      NOT YET IN S3
photos  mounted  photos-bucket/2026/  /nowhere/photos  2 files (20 B), oldest 3 s
docs    failed   photos-bucket        /nowhere/photos  -

docs: No such bucket. Create it (since 2026-11-01T00:00:00.000Z)`,
  );
});

Deno.test("The status shows why uploads fail, conflicts and what was set aside, tamely", () => {
  const { uploads } = fakeReport(7);
  const text = statusText(
    document([{
      uploads: { ...uploads, oldest_seconds: 3700, last_error: "S3 answered 503\x1b[2J" },
      conflicts: [{
        path: 'a "b"\n.txt',
        copy: "a (conflict host 2026-11-01 000000).txt",
        at: "2026-11-01T00:00:00.000Z",
      }],
      lost_and_found: ["A record cannot be read: see /state/lost+found/x.json"],
    }], ["The journal was damaged"]),
    PLAIN,
  );
  const [table = "", remarks] = text.split("\n\n").slice(1);
  assert.match(table, /7 files \(70 B\), oldest 1 h 1 min$/);
  assert.equal(
    remarks,
    String.raw`daemon: The journal was damaged
photos: last failed upload: S3 answered 503\u{1b}[2J
photos: not in S3 yet: "file 0", "file 1", "file 2" and 4 more
photos: conflict: "a \"b\"\n.txt" was changed in S3 too; yours is "a (conflict host 2026-11-01 000000).txt" (2026-11-01T00:00:00.000Z)
photos: set aside: A record cannot be read: see /state/lost+found/x.json`,
  );
});

Deno.test("The status shows the first conflicts of many, and where the others are", () => {
  const conflicts = Array.from({ length: 12 }, (_, n) => ({ path: `${n}`, copy: "c", at: "now" }));
  const text = statusText(document([{ conflicts }]), PLAIN);
  assert.equal(text.match(/photos: conflict/g)?.length, 10);
  assert.match(text, /photos: 2 more conflicts: cloudmount status photos --json$/);
});

Deno.test("The status of a daemon without mounts says so", () => {
  assert.match(statusText(document([]), PLAIN), /The config lists no mounts/);
});
