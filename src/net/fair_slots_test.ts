import assert from "node:assert/strict";
import { FairSlots, type ReleaseSlot, type SlotShare } from "./fair_slots.ts";
import { settle } from "../../tests/support/fake_clock.ts";

const NEVER = new AbortController().signal;

/** Takes as many slots as it can get now. */
async function takeAll(share: SlotShare, wanted: number): Promise<ReleaseSlot[]> {
  const taken: ReleaseSlot[] = [];
  for (let i = 0; i < wanted; i++) {
    share.acquire(NEVER).then((release) => taken.push(release), () => {});
  }
  await settle();
  return taken;
}

Deno.test("FairSlots gives a lone holder all slots and never more", async () => {
  const slots = new FairSlots(8);
  const taken = await takeAll(slots.join(), 20);
  assert.equal(taken.length, 8);
  assert.equal(slots.inUse, 8);
  taken[0]!();
  taken[0]!();
  await settle();
  assert.equal(slots.inUse, 8); // the next in the queue has it
});

Deno.test("FairSlots keeps slots for holders that are idle", async () => {
  const slots = new FairSlots(64);
  const busy = slots.join();
  const idle = slots.join();
  assert.equal((await takeAll(busy, 100)).length, 48);
  const release = await idle.acquire(NEVER);
  assert.equal(slots.inUse, 49);
  release();
  assert.equal((await takeAll(idle, 100)).length, 16);
  assert.equal(slots.inUse, 64);
});

Deno.test("FairSlots gives each of many holders one slot", async () => {
  const slots = new FairSlots(4);
  const shares = Array.from({ length: 4 }, () => slots.join());
  assert.equal((await takeAll(shares[0]!, 9)).length, 1);
  for (const share of shares.slice(1)) assert.equal((await takeAll(share, 9)).length, 1);
});

Deno.test("FairSlots serves waiting holders in turn", async () => {
  const slots = new FairSlots(1);
  const [a, b] = [slots.join(), slots.join()];
  const order: string[] = [];
  const first = await a.acquire(NEVER);
  const use = async (share: SlotShare, name: string) => {
    const release = await share.acquire(NEVER);
    order.push(name);
    await settle();
    release();
  };
  const all = [use(a, "a1"), use(a, "a2"), use(a, "a3"), use(b, "b1"), use(b, "b2")];
  first();
  await Promise.all(all);
  assert.equal(order.join(" "), "a1 b1 a2 b2 a3");
});

Deno.test("FairSlots lets an aborted request leave the queue", async () => {
  const slots = new FairSlots(1);
  const share = slots.join();
  const release = await share.acquire(NEVER);
  const controller = new AbortController();
  const waiting = share.acquire(controller.signal);
  controller.abort(new Error("enough"));
  await assert.rejects(waiting, /enough/);
  release();
  assert.equal(share.waiting, 0);
  assert.equal(slots.inUse, 0);
});

Deno.test("FairSlots frees the reserve of a holder that left", async () => {
  const slots = new FairSlots(4);
  const [a, b] = [slots.join(), slots.join()];
  const taken = await takeAll(a, 4);
  assert.equal(taken.length, 3);
  b.leave();
  await settle();
  assert.equal(taken.length, 4);
});

Deno.test("FairSlots refuses a limit below one", () => {
  assert.throws(() => new FairSlots(0), RangeError);
});
