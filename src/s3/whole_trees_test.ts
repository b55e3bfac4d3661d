import assert from "node:assert/strict";
import { StoreError } from "./errors.ts";
import { MemoryStore } from "./stores/memory.ts";
import { deleteAll, objectsBelow } from "./whole_trees.ts";

const never = new AbortController().signal;

async function filled(count: number): Promise<MemoryStore> {
  const store = new MemoryStore();
  for (let index = 0; index < count; index++) {
    await store.put(`d/${String(index).padStart(4, "0")}`, new Uint8Array(0), {}, never);
  }
  await store.put("e", new Uint8Array(0), {}, never);
  return store;
}

Deno.test("objectsBelow gives every object below a prefix, over several pages, and no other", async () => {
  const store = await filled(1234);
  const keys = (await Array.fromAsync(objectsBelow(store, "d/", never))).map(({ key }) => key);
  assert.equal(keys.length, 1234);
  assert.deepEqual([keys[0], keys.at(-1)], ["d/0000", "d/1233"]);
  assert.equal(store.counts.list, 2);
});

Deno.test("deleteAll deletes more keys than one request takes", async () => {
  const store = await filled(1234);
  const keys = (await Array.fromAsync(objectsBelow(store, "d/", never))).map(({ key }) => key);
  await deleteAll(store, keys, never);
  const left = await Array.fromAsync(objectsBelow(store, "", never));
  assert.deepEqual(left.map(({ key }) => key), ["e"]);
});

Deno.test("deleteAll throws what the server could not delete", async () => {
  const store = await filled(1);
  store.deleteMany = () =>
    Promise.resolve([{ key: "d/0000", code: "AccessDenied", message: "no" }]);
  await assert.rejects(
    deleteAll(store, ["d/0000"], never),
    (error) => error instanceof StoreError && error.details.key === "d/0000",
  );
});
