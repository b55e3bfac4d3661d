import assert from "node:assert/strict";
import { FakeClock } from "../../tests/support/fake_clock.ts";
import { request } from "../../tests/support/fuse_messages.ts";
import { ScriptedChannel } from "../../tests/support/scripted_channel.ts";
import { giveWay, systemClock } from "../base/clock.ts";
import { FsError } from "../vfs/file_system.ts";
import { LoopTurn } from "./loop_turn.ts";
import { Session } from "./session.ts";
import { Opcode } from "./wire/opcodes.ts";

Deno.test("LoopTurn counts from the first question of a turn, and anew in the next one", async () => {
  const clock = new FakeClock(0);
  const turn = new LoopTurn(clock);
  assert.equal(turn.elapsedMs(), 0);
  await clock.advance(3);
  assert.equal(turn.elapsedMs(), 3);
  await giveWay();
  await giveWay();
  assert.equal(turn.elapsedMs(), 0);
});

Deno.test("LoopTurn is one for all mounts: together they keep the loop from its turn no longer than one", async () => {
  const clock = new FakeClock(0);
  assert.equal(LoopTurn.of(clock).elapsedMs(), 0);
  await clock.advance(3);
  assert.equal(LoopTurn.of(clock).elapsedMs(), 3);
  assert.equal(LoopTurn.of(new FakeClock(7)).elapsedMs(), 0);
});

Deno.test("Session takes what is asked right after an answer without waiting on another thread", async () => {
  const missing = () => {
    throw new FsError("ENOSYS", "not in this test");
  };
  // An answer that comes from elsewhere, in a later turn.
  const fs = { lookup: missing, getattr: missing, forget: () => {}, fsync: () => giveWay() };
  const channel = new ScriptedChannel();
  let asked = 0;
  channel.onEmpty = () => {
    if (channel.replies.length < asked) return undefined;
    if (asked === 5) return void channel.unmount();
    return request(Opcode.FSYNC, { unique: 2 * ++asked }, new Uint8Array(16));
  };
  await new Session(channel, fs, { name: "test", clock: systemClock }).run();
  assert.equal(channel.replies.length, 5);
  // The one that was begun when the first of them had no answer yet.
  assert.equal(channel.waits, 1);
});

Deno.test("Session stays with a program that asks one thing after the other", async () => {
  const work = () => {
    throw new FsError("ENOENT", "not in this test");
  };
  const fs = { lookup: work, getattr: work, forget: () => {} };
  const channel = new ScriptedChannel();
  let waits = 0;
  channel.wait = () => {
    waits++;
    return giveWay();
  };
  // The program needs a moment for its next question.
  let looks = 0;
  channel.onEmpty = () => {
    if (++looks % 3 !== 0) return undefined;
    if (looks === 60) return void channel.unmount();
    return request(Opcode.GETATTR, { unique: 2 * looks }, new Uint8Array(16));
  };
  await new Session(channel, fs, { name: "test", clock: new FakeClock(0) }).run();
  assert.equal(channel.replies.length, 19);
  assert.ok(waits <= 3, `waited ${waits} times on another thread`); // until the first one came
});

Deno.test("Session with much to do lets others have their turn after each long piece of it", async () => {
  let nowMs = 0;
  const clock = { ...systemClock, monotonicMs: () => nowMs };
  let turn = 0;
  const turns: number[] = [];
  const work = () => {
    turns.push(turn);
    nowMs += 3;
    throw new FsError("ENOENT", "not in this test");
  };
  const fs = { lookup: work, getattr: work, forget: () => {} };
  const channel = new ScriptedChannel();
  const requests = [2, 4, 6, 8].map((unique) =>
    request(Opcode.GETATTR, { unique }, new Uint8Array(16))
  );
  channel.push(...requests);
  channel.unmount();
  const session = new Session(channel, fs, { name: "test", clock }).run();
  while (turns.length < requests.length) {
    turn++;
    await giveWay();
  }
  await session;
  assert.equal(new Set(turns).size, requests.length, `in the turns ${turns}`);
  assert.equal(channel.waits, 0);
});
