import assert from "node:assert/strict";
import { giveWay, nextTurn } from "../base/clock.ts";
import { MemoryBudget } from "../base/memory_budget.ts";
import { Slabs } from "./slabs.ts";
import { TurnMemory } from "./turn_memory.ts";

const CHUNK = 256 * 1024;

Deno.test("TurnMemory gives different memory within a turn, and the same in the next one", async () => {
  const memory = new TurnMemory(new MemoryBudget(16 * CHUNK), new Slabs(CHUNK));
  const pieces = Array.from({ length: 20 }, (_, i) => memory.lend(32 * 1024)!.fill(i));
  assert.ok(pieces.every((piece, i) => piece.every((byte) => byte === i)));
  const { byteOffset } = pieces[0]!;
  for (let turn = 0; turn < 3; turn++) {
    await giveWay();
    await nextTurn();
    assert.equal(memory.lend(CHUNK)!.byteOffset, byteOffset);
  }
});

Deno.test("TurnMemory has the budget's memory only, and gives it back when it is needed", async () => {
  const budget = new MemoryBudget(2 * CHUNK);
  const memory = new TurnMemory(budget, new Slabs(CHUNK));
  assert.ok(memory.lend(CHUNK) && memory.lend(CHUNK));
  assert.equal(memory.lend(1), undefined);
  assert.equal(budget.tryReserve(1), undefined);
  const waiting = budget.reserve(CHUNK, new AbortController().signal);
  await nextTurn();
  (await waiting).release();
  assert.equal(budget.usedBytes, 0);
});

Deno.test("TurnMemory keeps what turns take lately, within limits", async () => {
  const budget = new MemoryBudget(100 * CHUNK);
  const memory = new TurnMemory(budget, new Slabs(CHUNK));
  const turn = async (chunks: number) => {
    for (let i = 0; i < chunks; i++) memory.lend(CHUNK);
    await nextTurn();
    await nextTurn();
    return budget.usedBytes / CHUNK;
  };
  assert.equal(await turn(90), 64);
  assert.equal(await turn(40), 63);
  assert.equal(await turn(20), 62);
  for (let i = 0; i < 70; i++) await turn(1);
  assert.equal(await turn(1), 4);
  assert.equal(await turn(20), 20);
});
