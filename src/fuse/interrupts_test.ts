import assert from "node:assert/strict";
import { systemClock } from "../base/clock.ts";
import { callerGivesUp, givesUp } from "./interrupts.ts";

/** /proc/PID/status of a thread for which these signals are pending, blocked, ignored, caught. */
function status(
  pending: readonly number[],
  { blocked = [], ignored = [], caught = [], shared = false }: {
    blocked?: number[];
    ignored?: number[];
    caught?: number[];
    shared?: boolean;
  } = {},
): string {
  const mask = (signals: readonly number[]) =>
    signals.reduce((sum, signal) => sum | (1n << BigInt(signal - 1)), 0n)
      .toString(16).padStart(16, "0");
  return "Name:\tcat\nSigQ:\t0/95\n" +
    `SigPnd:\t${mask(shared ? [] : pending)}\nShdPnd:\t${mask(shared ? pending : [])}\n` +
    `SigBlk:\t${mask(blocked)}\nSigIgn:\t${mask(ignored)}\nSigCgt:\t${mask(caught)}\n`;
}

const HUP = 1;
const INT = 2;
const KILL = 9;
const ALRM = 14;
const TERM = 15;
const CHLD = 17;
const CONT = 18;
const TSTP = 20;
const URG = 23;
const WINCH = 28;

Deno.test("A caller that is being killed or asked to stop gives up", () => {
  for (const signal of [HUP, INT, KILL, ALRM, TERM, 64]) {
    assert.ok(givesUp(status([signal])), `${signal}`);
    assert.ok(givesUp(status([signal], { shared: true })), `${signal}`);
  }
  for (const signal of [HUP, INT, TERM]) assert.ok(givesUp(status([signal], { caught: [signal] })));
  assert.ok(givesUp(status([ALRM, KILL], { caught: [ALRM] })));
  assert.ok(givesUp(undefined), "it is not to be seen");
});

Deno.test("A timer, a preemption, a pause or a freezing system make nobody give up", () => {
  assert.ok(!givesUp(status([])));
  for (const signal of [ALRM, URG, WINCH, CHLD]) {
    assert.ok(!givesUp(status([signal], { caught: [signal] })), `${signal}`);
  }
  for (const signal of [CHLD, CONT, TSTP, URG]) assert.ok(!givesUp(status([signal])), `${signal}`);
  assert.ok(!givesUp(status([INT], { blocked: [INT] })));
  assert.ok(!givesUp(status([INT], { ignored: [INT] })));
});

Deno.test("callerGivesUp looks again until the caller gives up or the operation is over", async () => {
  let looks = 0;
  const clock = { ...systemClock, sleep: () => Promise.resolve() };
  const never = new AbortController().signal;
  const read = () => ++looks < 5 ? status([ALRM], { caught: [ALRM] }) : status([KILL]);
  assert.equal(await callerGivesUp(1, clock, never, read), true);
  assert.equal(looks, 5);
  const over = new AbortController();
  const waiting = callerGivesUp(1, systemClock, over.signal, () => status([]));
  over.abort();
  assert.equal(await waiting, false);
});
