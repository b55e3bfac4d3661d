import assert from "node:assert/strict";
import { timespecOfMs } from "./posix.ts";

Deno.test("timespecOfMs keeps milliseconds, also before the epoch", () => {
  assert.deepEqual(timespecOfMs(1500), { sec: 1, nsec: 500_000_000 });
  assert.deepEqual(timespecOfMs(-1), { sec: -1, nsec: 999_000_000 });
});
