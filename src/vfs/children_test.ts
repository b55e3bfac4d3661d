import assert from "node:assert/strict";
import { Children, type Sleepers } from "./children.ts";

class Numbers implements Sleepers<number> {
  readonly names: Set<string>;
  readonly children: Children<number, Numbers>;

  constructor(children: Children<number, Numbers>, ...names: readonly string[]) {
    this.children = children;
    this.names = new Set(names);
  }

  get count(): number {
    return this.names.size;
  }

  has(name: string): boolean {
    return this.names.has(name);
  }

  wake(name: string): number | undefined {
    if (!this.names.delete(name)) return undefined;
    this.children.set(name, 7);
    return 7;
  }
}

Deno.test("Children that are asleep count, and wake when they are asked for", () => {
  const children = new Children<number, Numbers>();
  children.set("awake", 1);
  children.asleep = new Numbers(children, "asleep");
  assert.deepEqual([children.size, children.has("asleep"), children.peek("asleep")], [
    ...[2, true, undefined],
  ]);
  assert.deepEqual([...children.values()], [1]);
  assert.equal(children.get("asleep"), 7);
  assert.deepEqual([children.size, children.peek("asleep")], [2, 7]);
  children.delete("asleep");
  assert.deepEqual([children.get("asleep"), children.has("asleep"), children.size], [
    ...[undefined, false, 1],
  ]);
  assert.deepEqual([...children], [["awake", 1]]);
});
