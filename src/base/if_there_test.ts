import assert from "node:assert/strict";
import { ifThere, ifThereSync } from "./if_there.ts";

const here = import.meta.filename!;

Deno.test("A missing file is an answer, and nothing else is", async () => {
  assert.equal((await ifThere(Deno.stat(here)))?.isFile, true);
  assert.equal(await ifThere(Deno.stat("/nowhere/file")), undefined);
  await assert.rejects(ifThere(Deno.stat(`${here}/x`)), Deno.errors.NotADirectory);
  assert.equal(ifThereSync(() => Deno.statSync(here))?.isFile, true);
  assert.equal(ifThereSync(() => Deno.statSync("/nowhere/file")), undefined);
  assert.throws(() => ifThereSync(() => Deno.statSync(`${here}/x`)), Deno.errors.NotADirectory);
});
