/** That the model notices what is wrong, and tells it in a few operations. */
import assert from "node:assert/strict";
import { SeededRandom } from "../support/seeded_random.ts";
import type { Operation, Outcome } from "./operation.ts";
import { ReferenceTree } from "./reference_tree.ts";
import { runModel } from "./run_model.ts";
import { shrink } from "./shrink.ts";
import type { Subject } from "./subject.ts";

/** Right in all, but for what `spoil` makes of an outcome. */
class SpoiltTree implements Subject {
  readonly #tree = new ReferenceTree();
  readonly #spoil: (operation: Operation, outcome: Outcome) => Outcome;

  constructor(spoil: (operation: Operation, outcome: Outcome) => Outcome) {
    this.#spoil = spoil;
  }

  apply(operation: Operation): Promise<Outcome> {
    const expected = this.#tree.apply(operation);
    const outcome: Outcome = expected === undefined || "check" in expected
      ? this.#choose(operation)
      : expected;
    return Promise.resolve(this.#spoil(operation, outcome));
  }

  /** Where several answers are right, one of them. */
  #choose(operation: Operation): Outcome {
    if (operation.op !== "seek") return { value: null };
    const size = this.#tree.sizeOf(operation.slot);
    if (operation.at >= size) return { error: "ENXIO" };
    return { value: operation.whence === "data" ? operation.at : size };
  }

  verify(): Promise<void> {
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

function explore(spoil: (operation: Operation, outcome: Outcome) => Outcome): Promise<void> {
  return runModel({
    random: new SeededRandom(7),
    operations: 1000,
    open: () => Promise.resolve(new SpoiltTree(spoil)),
    shrinkSeconds: 20,
    remoteShare: 0,
    restartShare: 0.003,
    verifyShare: 0.005,
  });
}

Deno.test("a wrong byte is found and shown in the operations that it takes", async () => {
  const failure = await message(explore(({ op }, outcome) => {
    if (op !== "read" || !("value" in outcome)) return outcome;
    const bytes = (outcome.value as Uint8Array).slice();
    if (bytes.length > 5000) bytes[5000] = bytes[5000]! ^ 1;
    return { value: bytes };
  }));
  const operations = literal(failure);
  assert.ok(operations.length <= 6 && operations.at(-1)!.op === "read", failure);
  assert.match(failure, /bytes 5000 to 5001 are wrong/);
});

Deno.test("a wrong error is found and shown in the operations that it takes", async () => {
  const failure = await message(
    explore(({ op }, outcome) =>
      op === "rmdir" && "error" in outcome && outcome.error === "ENOTEMPTY"
        ? { value: null }
        : outcome
    ),
  );
  const operations = literal(failure);
  assert.equal(operations.length, 3, failure);
  assert.equal(operations.at(-1)!.op, "rmdir");
});

Deno.test("a case is made smaller in its operations and in its numbers", async () => {
  const noise: Operation[] = Array.from({ length: 200 }, (_, index) => ({
    op: "truncate",
    path: `f${index}`,
    size: 1000 + index,
  }));
  const fails = (operations: readonly Operation[]) => {
    const sizes = operations.map((operation) => operation.op === "truncate" ? operation.size : 0);
    const isFailing = sizes.filter((size) => size >= 100).length >= 2 && sizes.some((x) => x > 500);
    return Promise.resolve(isFailing ? "too large" : undefined);
  };
  const { operations } = await shrink(noise, "too large", fails, 20);
  const sizes = operations.map((operation) => operation.op === "truncate" ? operation.size : 0);
  assert.equal(operations.length, 2);
  assert.ok(Math.min(...sizes) < 250 && Math.max(...sizes) < 1000, String(sizes));
});

async function message(work: Promise<void>): Promise<string> {
  try {
    await work;
  } catch (error) {
    return String(error);
  }
  throw new Error("Nothing was found");
}

/** The list of operations that a failure shows. */
function literal(failure: string): Operation[] {
  const lines = failure.split("\n").filter((line) => line.startsWith("  {"));
  return lines.map((line) => JSON.parse(line.trim().slice(0, -1)));
}
