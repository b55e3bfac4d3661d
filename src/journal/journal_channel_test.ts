import assert from "node:assert/strict";
import { JournalChannel } from "./journal_channel.ts";
import { JournalError } from "./journal_error.ts";

function isEnded(error: unknown): true {
  assert.ok(error instanceof JournalError);
  assert.equal(error.reason, "closed");
  assert.match(
    error.message,
    /^Cannot use the journal in "\/state": its worker ended: [^]+; restart/,
  );
  return true;
}

Deno.test("All that is asked of a worker that has ended, then or later, is rejected", async () => {
  const source = `addEventListener("message", ({ ports }) => {
    ports[0].onmessage = () => { throw new Error("out of order"); };
  });`;
  const url = new URL(`data:text/javascript,${encodeURIComponent(source)}`);
  const channel = new JournalChannel("/state", url);
  const asked = [channel.ask({ load: "a" }), channel.ask({ load: "b" })];
  for (const one of asked) await assert.rejects(one, isEnded);
  await assert.rejects(channel.ask({ load: "c" }), isEnded);
});

Deno.test("A worker that cannot be loaded is an error of the first question", async () => {
  const channel = new JournalChannel("/state", new URL("file:///nowhere/journal_worker.ts"));
  await assert.rejects(channel.ask({ load: "a" }), isEnded);
});
