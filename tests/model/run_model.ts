/** Runs operations on what is tested and on the reference, side by side, until they differ. */
import type { SeededRandom } from "../support/seeded_random.ts";
import { generate, type Habits } from "./generate.ts";
import { difference, type Operation } from "./operation.ts";
import { ReferenceTree } from "./reference_tree.ts";
import { shrink } from "./shrink.ts";
import { Mismatch, type Subject } from "./subject.ts";

/** No operation takes longer, unless it hangs. */
const OPERATION_SECONDS = 60;

/** A new, empty one each time. What comes in between what may be another thing in each attempt. */
export type OpenSubject = (attempt: number) => Promise<Subject>;

/** So often a case is tried that may need some luck to fail. */
const ATTEMPTS = 4;

export interface ModelOptions extends Habits {
  readonly random: SeededRandom;
  readonly operations: number;
  readonly open: OpenSubject;
  /** How long a failure is made smaller. */
  readonly shrinkSeconds: number;
}

/** Throws the smallest list of operations found that fails, as a literal that `replay` takes. */
export async function runModel(options: ModelOptions): Promise<void> {
  const { random, operations } = options;
  const done: Operation[] = [];
  const failure = await attempt(() => options.open(0), (tree) => {
    if (done.length > operations) return undefined;
    const operation: Operation = done.length === operations
      ? { op: "verify" }
      : generate(random, tree, options);
    done.push(operation);
    return operation;
  });
  if (failure === undefined) return;
  const fails = (candidate: readonly Operation[]) => replay(candidate, options.open);
  const smallest = await shrink(done, failure, fails, options.shrinkSeconds);
  const literal = smallest.operations.map((operation) => `  ${JSON.stringify(operation)},`);
  throw new Error(
    `Operation ${done.length}, ${JSON.stringify(done.at(-1))}\n${failure}\n` +
      `Made smaller in ${smallest.tries} tries: ${smallest.failure}\n[\n${literal.join("\n")}\n]`,
  );
}

/**
 * Does `operations`, and a "verify" behind them, some times over. Answers what went wrong: first of all,
 * at which kind.
 */
export async function replay(
  operations: readonly Operation[],
  open: OpenSubject,
): Promise<string | undefined> {
  for (let number = 0; number < ATTEMPTS; number++) {
    const rest = [...operations, { op: "verify" } as const].values();
    const failure = await attempt(() => open(number), () => rest.next().value);
    if (failure !== undefined) return failure;
  }
  return undefined;
}

async function attempt(
  open: () => Promise<Subject>,
  next: (tree: ReferenceTree) => Operation | undefined,
): Promise<string | undefined> {
  const tree = new ReferenceTree();
  const subject = await open();
  let failure: string | undefined;
  let operation: Operation | undefined;
  try {
    for (;;) {
      operation = next(tree);
      if (operation === undefined) break;
      const wrong = await withDeadline(step(tree, subject, operation));
      if (wrong !== undefined) {
        failure = `${operation.op}: ${wrong}`;
        break;
      }
    }
  } catch (error) {
    failure = `${operation?.op}: ${describe(error)}`;
  } finally {
    await withDeadline(subject[Symbol.asyncDispose]()).catch((error) => {
      failure ??= `end: ${describe(error)}`;
    });
  }
  return failure;
}

async function step(
  tree: ReferenceTree,
  subject: Subject,
  operation: Operation,
): Promise<string | undefined> {
  const expected = tree.apply(operation);
  if (expected === undefined) return undefined;
  if (operation.op === "verify") {
    await subject.verify(tree);
    return undefined;
  }
  return difference(await subject.apply(operation), expected);
}

async function withDeadline<T>(work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`It did not end in ${OPERATION_SECONDS} s`)),
      OPERATION_SECONDS * 1000,
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function describe(error: unknown): string {
  if (error instanceof Mismatch) return error.message;
  return error instanceof Error ? error.stack ?? error.message : String(error);
}
