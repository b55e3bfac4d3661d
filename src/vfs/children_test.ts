import assert from "node:assert/strict";
import { withSeed } from "../../tests/support/seeded_random.ts";
import { Children, type Sleepers } from "./children.ts";

interface Child {
  readonly kind: "directory" | "file";
}

const file: Child = { kind: "file" };
const directory: Child = { kind: "directory" };

class Sleeping implements Sleepers<Child> {
  readonly names: Set<string>;
  readonly children: Children<Child, Sleeping>;

  constructor(children: Children<Child, Sleeping>, ...names: readonly string[]) {
    this.children = children;
    this.names = new Set(names);
  }

  get count(): number {
    return this.names.size;
  }

  has(name: string): boolean {
    return this.names.has(name);
  }

  wake(name: string): Child | undefined {
    if (!this.names.delete(name)) return undefined;
    this.children.set(name, file);
    return file;
  }
}

Deno.test("Children that are asleep count, and wake when they are asked for", () => {
  const children = new Children<Child, Sleeping>();
  const awake: Child = { kind: "file" };
  children.set("awake", awake);
  children.asleep = new Sleeping(children, "asleep");
  assert.deepEqual([children.size, children.has("asleep"), children.peek("asleep")], [
    ...[2, true, undefined],
  ]);
  assert.deepEqual([...children.values()], [awake]);
  assert.equal(children.get("asleep"), file);
  assert.deepEqual([children.size, children.peek("asleep")], [2, file]);
  children.delete("asleep");
  assert.deepEqual([children.get("asleep"), children.has("asleep"), children.size], [
    ...[undefined, false, 1],
  ]);
  assert.deepEqual([...children], [["awake", awake]]);
});

Deno.test("Children count the directories, whatever takes the place of what", () =>
  withSeed((random) => {
    const children = new Children<Child, Sleeping>();
    children.asleep = new Sleeping(children, "0", "1");
    for (let step = 0; step < 500; step++) {
      const name = String(random.below(6));
      const act = random.below(4);
      if (act === 0) children.delete(name);
      else if (act === 1) children.get(name);
      else children.set(name, act === 2 ? file : directory);
      const directories = [...children.values()].filter(({ kind }) => kind === "directory");
      assert.equal(children.directoryCount, directories.length);
    }
  }));
