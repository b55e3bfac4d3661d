import assert from "node:assert/strict";
import { LinkedSignal } from "./linked_signal.ts";

Deno.test("LinkedSignal fires with its parent's reason, also when that fired before", () => {
  const parent = new AbortController();
  using linked = new LinkedSignal(parent.signal);
  assert.equal(linked.signal.aborted, false);
  parent.abort("enough");
  assert.equal(linked.signal.reason, "enough");
  using late = new LinkedSignal(parent.signal);
  assert.equal(late.signal.reason, "enough");
});

Deno.test("LinkedSignal fires alone, once", () => {
  const parent = new AbortController();
  using linked = new LinkedSignal(parent.signal);
  linked.abort("mine");
  parent.abort("theirs");
  assert.equal(linked.signal.reason, "mine");
});

Deno.test("LinkedSignal does not hear its parent any more once it is disposed of", () => {
  const parent = new AbortController();
  const linked = new LinkedSignal(parent.signal);
  linked[Symbol.dispose]();
  parent.abort("enough");
  assert.equal(linked.signal.aborted, false);
});
