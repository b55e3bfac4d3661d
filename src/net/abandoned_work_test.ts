import assert from "node:assert/strict";
import { AbandonedWork } from "./abandoned_work.ts";

Deno.test("AbandonedWork counts work by origin until it settles", async () => {
  const abandoned = new AbandonedWork();
  const first = Promise.withResolvers<void>();
  const second = Promise.withResolvers<void>();
  abandoned.add("a", first.promise);
  abandoned.add("a", second.promise);
  first.reject(new Error("failed"));
  await first.promise.catch(() => {});
  assert.equal(abandoned.has("a"), true);
  assert.equal(abandoned.has("b"), false);
  second.resolve();
  await second.promise;
  assert.equal(abandoned.has("a"), false);
});
