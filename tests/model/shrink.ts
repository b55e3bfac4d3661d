/**
 * Makes a failing list of operations smaller: first by leaving out chunks (delta debugging, after
 * Zeller and Hildebrandt), then single operations, then by simpler numbers.
 */
import type { Operation } from "./operation.ts";

export interface Shrunk {
  readonly operations: readonly Operation[];
  readonly failure: string;
  readonly tries: number;
}

/** `fails` answers what goes wrong with a list, undefined when nothing does. Ends after `seconds`. */
export async function shrink(
  operations: readonly Operation[],
  failure: string,
  fails: (candidate: readonly Operation[]) => Promise<string | undefined>,
  seconds: number,
): Promise<Shrunk> {
  const giveUpMs = performance.now() + seconds * 1000;
  let best: Shrunk = { operations, failure, tries: 0 };
  const improves = async (candidate: readonly Operation[]) => {
    const failure = await fails(candidate);
    const isSame = failure !== undefined && kindOf(failure) === kindOf(best.failure);
    const tries = best.tries + 1;
    best = isSame ? { operations: candidate, failure, tries } : { ...best, tries };
    return isSame;
  };
  const isLate = () => performance.now() > giveUpMs;
  let before: readonly Operation[] = [];
  while (best.operations !== before && !isLate()) {
    before = best.operations;
    await dropChunks(() => best.operations, improves, isLate);
    await dropRenames(() => best.operations, improves, isLate);
    await simplify(() => best.operations, improves, isLate);
  }
  return best;
}

/** Another operation that fails may be another fault. */
function kindOf(failure: string): string {
  return failure.slice(0, failure.indexOf(":"));
}

type Improves = (candidate: readonly Operation[]) => Promise<boolean>;

async function dropChunks(
  current: () => readonly Operation[],
  improves: Improves,
  isLate: () => boolean,
): Promise<void> {
  let size = Math.max(1, Math.ceil(current().length / 2));
  for (;;) {
    // From the end: what comes before the failure is needed least often.
    for (let end = current().length; end > 0 && !isLate();) {
      const start = Math.max(0, end - size);
      await improves([...current().slice(0, start), ...current().slice(end)]);
      end = start;
    }
    if (size === 1 || isLate()) return;
    size = Math.ceil(size / 2);
  }
}

/** What comes behind a rename may be the same without it, under the old name. */
async function dropRenames(
  current: () => readonly Operation[],
  improves: Improves,
  isLate: () => boolean,
): Promise<void> {
  for (let index = current().length - 1; index >= 0 && !isLate(); index--) {
    const operation = current()[index];
    if (operation?.op !== "rename") continue;
    const old = (path: string) =>
      path === operation.to || path.startsWith(`${operation.to}/`)
        ? operation.path + path.slice(operation.to.length)
        : path;
    const behind = current().slice(index + 1).map((later) => ({
      ...later,
      ...("path" in later ? { path: old(later.path) } : {}),
      ...("to" in later ? { to: old(later.to) } : {}),
    }));
    await improves([...current().slice(0, index), ...behind]);
  }
}

async function simplify(
  current: () => readonly Operation[],
  improves: Improves,
  isLate: () => boolean,
): Promise<void> {
  const improvesAt = async (index: number) => {
    for (const candidate of simpler(current()[index]!)) {
      if (!isLate() && await improves(current().with(index, candidate))) return true;
    }
    return false;
  };
  for (let index = 0; index < current().length; index++) {
    while (await improvesAt(index));
  }
}

/** The same operation with one number smaller, or one property less. */
function* simpler(operation: Operation): Generator<Operation> {
  for (const [name, value] of Object.entries(operation)) {
    if (typeof value === "number" && name !== "slot" && name !== "toSlot" && name !== "mode") {
      const smallest = name === "size" || name === "fill" ? 1 : 0;
      for (const less of new Set([smallest, Math.floor(value / 2), roundDown(value)])) {
        if (less < value) yield { ...operation, [name]: less };
      }
    }
  }
  if (operation.op !== "open") return;
  const { access, ...rest } = operation.how;
  for (const name of Object.keys(rest) as (keyof typeof rest)[]) {
    const { [name]: _, ...how } = rest;
    yield { ...operation, how: { access, ...how } };
  }
}

/** To a number that is easy to read. */
function roundDown(value: number): number {
  const unit = 2 ** Math.max(0, Math.floor(Math.log2(Math.max(1, value))) - 2);
  return Math.floor(value / unit) * unit;
}
