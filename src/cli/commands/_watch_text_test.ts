import assert from "node:assert/strict";
import { fakeReport } from "../../../tests/daemon/fake_backend.ts";
import { fakeStatus } from "../../../tests/daemon/fake_status.ts";
import { PLAIN } from "../style.ts";
import { WatchText } from "./_watch_text.ts";

const MIB = 2 ** 20;

const status = (downloaded: number, uploaded: number, pid = 7) => ({
  ...fakeStatus([{
    ...fakeReport(2),
    bytes: { downloaded, uploaded, read: 2 * downloaded },
    cache: { used_bytes: 0, hit_rate: 0.256 },
    last_contact_seconds: 3,
  }]),
  pid,
});

const rowOf = (text: string) => text.split("\n")[3]?.split(/ {2,}/);

Deno.test("Who watches sees rates between two looks, hits, conflicts, contact and the queue", () => {
  const watch = new WatchText();
  const first = watch.next(status(0, 0), 1000, PLAIN);
  assert.match(first, /down -, up -/);
  const text = watch.next(status(4 * MIB, MIB), 3000, PLAIN);
  assert.match(text, /down 2 MiB\/s, up 512 KiB\/s/);
  assert.deepEqual(rowOf(text), [
    "photos",
    "mounted",
    "4 MiB/s",
    "2 MiB/s",
    "512 KiB/s",
    "26 %",
    "-",
    "3 s",
    "2 files (20 B), oldest 3 s",
  ]);
});

Deno.test("A daemon that was started anew has no rates at first", () => {
  const watch = new WatchText();
  watch.next(status(0, 0), 0, PLAIN);
  assert.equal(rowOf(watch.next(status(MIB, MIB, 8), 1000, PLAIN))![3], "-");
});
