/** What is tested: something that does operations as a mount does. */
import type { Operation, Outcome } from "./operation.ts";
import type { ReferenceTree } from "./reference_tree.ts";

export interface Subject {
  /** Does one operation, any but "verify". Throws what is no answer to a program. */
  apply(operation: Operation): Promise<Outcome>;
  /** Uploads all; throws what is wrong in the bucket, or in the eyes of a client that starts now. */
  verify(tree: ReferenceTree): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** What is there is not what should be. */
export class Mismatch extends Error {
  override readonly name = "Mismatch";
}

/** The name of a copy that a conflict makes, beside the file `name`. */
export function isConflictCopy(candidate: string, name: string): boolean {
  const dot = name.lastIndexOf(".");
  const [stem, extension] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ""];
  return candidate.startsWith(`${stem} (conflict `) && candidate.endsWith(`)${extension}`);
}

/** What a copy is renamed to at once: its own name has the time in it, and a case must be the same again. */
export function copyOf(path: string): string {
  return `${path}~`;
}

/** Extended attributes that tell about the object are not the program's. */
export function isOwnXattr(name: string): boolean {
  return name.startsWith("user.") && !name.startsWith("user.cloudmount.");
}
