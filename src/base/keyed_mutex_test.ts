import assert from "node:assert/strict";
import { KeyedMutex } from "./keyed_mutex.ts";

Deno.test("KeyedMutex runs one at a time for a key, in order, others side by side", async () => {
  const mutex = new KeyedMutex<string>();
  const events: string[] = [];
  const gate = Promise.withResolvers<void>();
  const first = mutex.run("a", async () => {
    events.push("a1 begins");
    await gate.promise;
    events.push("a1 ends");
  });
  const second = mutex.run("a", () => Promise.resolve(events.push("a2")));
  await mutex.run("b", () => Promise.resolve(events.push("b")));
  assert.deepEqual(events, ["a1 begins", "b"]);
  assert.equal(mutex.isBusy("a"), true);
  gate.resolve();
  await Promise.all([first, second]);
  assert.deepEqual(events, ["a1 begins", "b", "a1 ends", "a2"]);
  assert.equal(mutex.isBusy("a"), false);
});

Deno.test("KeyedMutex goes on after a failure and passes it on", async () => {
  const mutex = new KeyedMutex<string>();
  const failing = mutex.run("a", () => Promise.reject(new Error("no")));
  const next = mutex.run("a", () => Promise.resolve("yes"));
  await assert.rejects(failing, /no/);
  assert.equal(await next, "yes");
});
