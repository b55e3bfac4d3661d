import assert from "node:assert/strict";
import { TransportError } from "../s3/errors.ts";
import { explain } from "./explain.ts";

Deno.test("explain parts a store error's message from its hint", () => {
  const hint = "Check the network";
  const error = new TransportError("connection refused", { operation: "List", bucket: "b", hint });
  assert.deepEqual(explain(error), { message: 'List bucket "b": connection refused', hint });
});

Deno.test("explain takes other errors as they are", () => {
  assert.deepEqual(explain(new Error("Cannot mount")), { message: "Cannot mount", hint: "" });
  assert.deepEqual(explain("odd"), { message: "odd", hint: "" });
});
