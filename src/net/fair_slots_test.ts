import assert from "node:assert/strict";
import type { Kind } from "./fair_queue.ts";
import { FairSlots, type ReleaseSlot, type SlotShare } from "./fair_slots.ts";
import { settle } from "../../tests/support/fake_clock.ts";

const NEVER = new AbortController().signal;

/** Takes as many slots as it can get now. */
async function takeAll(
  share: SlotShare,
  wanted: number,
  kind: Kind = "small",
): Promise<ReleaseSlot[]> {
  const taken: ReleaseSlot[] = [];
  const take = async () => void taken.push(await share.acquire(kind, NEVER));
  for (let i = 0; i < wanted; i++) void take();
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
  const release = await idle.acquire("small", NEVER);
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
  const first = await a.acquire("small", NEVER);
  const use = async (share: SlotShare, name: string) => {
    const release = await share.acquire("small", NEVER);
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
  const release = await share.acquire("small", NEVER);
  const controller = new AbortController();
  const waiting = share.acquire("small", controller.signal);
  controller.abort(new Error("enough"));
  await assert.rejects(async () => await waiting, /enough/);
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

Deno.test("FairSlots keeps an eighth for small requests of whatever holder", async () => {
  const slots = new FairSlots(64);
  const share = slots.join();
  assert.equal((await takeAll(share, 100, "bulk")).length, 56);
  const other = slots.join();
  const small = await takeAll(other, 100);
  assert.equal(small.length, 8);
  small[0]!();
  await settle();
  assert.equal(small.length, 9); // and not to the bulk data, which wait longer
});

Deno.test("FairSlots lets small requests of a holder pass its own bulk data", async () => {
  const slots = new FairSlots(64);
  const [a, b] = [slots.join(), slots.join()];
  assert.equal((await takeAll(a, 100, "bulk")).length, 40);
  assert.equal((await takeAll(a, 100)).length, 8);
  assert.equal((await takeAll(b, 100, "bulk")).length, 16);
});

Deno.test("FairSlots divides slots among holders of bulk data about evenly", async () => {
  const slots = new FairSlots(16);
  const shares = [slots.join(), slots.join()];
  const served = [0, 0];
  const use = async (index: number) => {
    const release = await shares[index]!.acquire("bulk", NEVER);
    served[index]!++;
    await settle();
    release();
  };
  // The first one asks for all before the second one asks at all.
  const all = Array.from({ length: 200 }, (_, i) => use(i < 100 ? 0 : 1));
  while (served[0]! + served[1]! < 120) await Promise.resolve();
  assert.ok(Math.abs(served[0]! - served[1]!) <= 16, served.join(" and "));
  await Promise.all(all);
  assert.equal(slots.inUse, 0);
});

Deno.test("FairSlots serves both kinds whatever the number of slots and holders", async () => {
  for (let limit = 1; limit <= 12; limit++) {
    for (let holders = 1; holders <= 14; holders++) {
      const slots = new FairSlots(limit);
      const shares = Array.from({ length: holders }, () => slots.join());
      const use = async (share: SlotShare, kind: Kind) => {
        const release = await share.acquire(kind, NEVER);
        assert.ok(slots.inUse <= limit);
        await Promise.resolve();
        release();
      };
      await Promise.all(
        shares.flatMap((share) =>
          [...Array(3)].flatMap(() => [use(share, "bulk"), use(share, "small")])
        ),
      );
      assert.equal(slots.inUse, 0);
    }
  }
});

Deno.test("FairSlots refuses a limit below one", () => {
  assert.throws(() => new FairSlots(0), RangeError);
});

Deno.test("FairSlots goes by another limit from now on", async () => {
  const slots = new FairSlots(2);
  const share = slots.join();
  const taken = await takeAll(share, 5);
  assert.equal(taken.length, 2);
  slots.setLimit(4);
  await settle();
  assert.equal(taken.length, 4);
  slots.setLimit(1);
  taken[0]!();
  await settle();
  assert.equal(slots.inUse, 3);
  assert.throws(() => slots.setLimit(0), RangeError);
});
