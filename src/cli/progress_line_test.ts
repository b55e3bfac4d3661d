import assert from "node:assert/strict";
import type { Clock } from "../base/clock.ts";
import { ProgressLine } from "./progress_line.ts";

class HandClock implements Clock {
  ms = 0;
  nowMs(): number {
    return this.ms;
  }
  monotonicMs(): number {
    return this.ms;
  }
  sleep(): Promise<void> {
    return Promise.reject(new Error("nobody sleeps here"));
  }
}

function start(totalBytes: number | undefined, columns = 80) {
  const clock = new HandClock();
  const written: string[] = [];
  const write = (text: string) => void written.push(text);
  const line = new ProgressLine({ label: "photos", totalBytes, clock, write, columns });
  return { clock, written, line };
}

Deno.test("Progress shows bytes, rate and time left in one line", () => {
  const { clock, written, line } = start(100 * 2 ** 20);
  clock.ms = 2000;
  line.update(20 * 2 ** 20);
  assert.deepEqual(written, ["\rphotos  20 MiB of 100 MiB  10 MiB/s  8 s left\x1b[K"]);
});

Deno.test("Progress without a total shows no time left", () => {
  const { clock, written, line } = start(undefined);
  clock.ms = 1000;
  line.update(1024);
  assert.deepEqual(written, ["\rphotos  1 KiB  1 KiB/s\x1b[K"]);
});

Deno.test("Progress is drawn at most ten times a second", () => {
  const { clock, written, line } = start(1000);
  for (clock.ms = 0; clock.ms < 1000; clock.ms++) line.update(clock.ms);
  assert.equal(written.length, 10);
});

Deno.test("Progress keeps to the terminal's width, and removes itself", () => {
  const { written, line } = start(1000, 10);
  line.update(0);
  line.end();
  assert.deepEqual(written, ["\rphotos  0\x1b[K", "\r\x1b[K"]);
});

Deno.test("Progress that was never drawn leaves nothing to remove", () => {
  const { written, line } = start(1000);
  line.end();
  assert.deepEqual(written, []);
});
