import { difference, type Operation, type Outcome } from "./operation.ts";
import type { ReferenceTree } from "./reference_tree.ts";
import { Mismatch } from "./subject.ts";

/** Looks at everything there is by `apply`, and throws what is not as in `tree`. */
export async function checkTree(
  tree: ReferenceTree,
  apply: (operation: Operation) => Promise<Outcome>,
): Promise<void> {
  for (const operation of questions(tree)) {
    const expected = tree.apply(operation);
    if (expected === undefined) continue;
    const wrong = difference(await apply(operation), expected);
    if (wrong !== undefined) {
      throw new Mismatch(`A client that starts now sees: ${JSON.stringify(operation)} ${wrong}`);
    }
  }
}

function* questions(tree: ReferenceTree): Generator<Operation> {
  yield { op: "list", path: "" };
  for (const [path, node] of [...tree.walk()]) {
    yield { op: "stat", path };
    if (node.kind === "folder") yield { op: "list", path };
    else if (node.kind === "file") yield { op: "readAll", path };
    else yield { op: "readlink", path };
    if (node.kind === "symlink") continue;
    yield { op: "listxattr", path };
    for (const name of node.xattrs.keys()) yield { op: "getxattr", path, name };
  }
}
