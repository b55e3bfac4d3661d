import assert from "node:assert/strict";
import { SeededRandom } from "../../../tests/support/seeded_random.ts";
import { KeyIndex } from "./key_index.ts";
import { compareKeys } from "./key_order.ts";
import type { ObjectVersion } from "./records.ts";

function version(key: string, versionId: string, sequence: number): ObjectVersion {
  return {
    key,
    versionId,
    sequence,
    lastModifiedMs: 0,
    deleteMarker: false,
    size: 0,
    etag: "",
    extents: [],
    headers: {},
    metadata: {},
    storageClass: "STANDARD",
    tags: [],
  };
}

function keysOf(index: KeyIndex): string[] {
  return Array.from({ length: index.size }, (_, i) => index.at(i)!.key);
}

Deno.test("KeyIndex stays sorted and complete over random changes, and loads the same", () => {
  const seed = 77;
  const seeded = new SeededRandom(seed);
  const random = () => seeded.next();
  const index = new KeyIndex();
  const model = new Map<string, ObjectVersion[]>();
  for (let step = 0; step < 2000; step++) {
    const key = `${Math.floor(random() * 40)}${random() < 0.3 ? "/\u{1f600}" : ""}`;
    const id = `v${Math.floor(random() * 3)}`;
    const versions = model.get(key) ?? [];
    const others = versions.filter((other) => other.versionId !== id);
    if (random() < 0.5) {
      const added = version(key, id, step);
      const replaced = index.add(added);
      assert.equal(replaced, versions.find((other) => other.versionId === id));
      model.set(key, [added, ...others]);
    } else {
      index.remove(key, id);
      if (others.length === 0) model.delete(key);
      else model.set(key, others);
    }
    assert.deepEqual(index.get(key)?.versions, model.get(key), `seed ${seed} step ${step}`);
  }
  assert.deepEqual(keysOf(index), [...model.keys()].sort(compareKeys));
  const loaded = new KeyIndex([...model.values()].flat().reverse());
  assert.deepEqual(keysOf(loaded), keysOf(index));
  for (const key of keysOf(index)) assert.deepEqual(loaded.get(key), index.get(key));
});

Deno.test("KeyIndex finds positions by key and by prefix", () => {
  const keys = ["a", "a/1", "a/2", "a0", "b"];
  const index = new KeyIndex(keys.map((key, i) => version(key, "null", i)));
  assert.equal(index.lowerBound("a/1"), 1);
  assert.equal(index.upperBound("a/1"), 2);
  assert.equal(index.lowerBound("a/11"), 2);
  assert.equal(index.afterPrefix("a/"), 3);
  assert.equal(index.afterPrefix("a"), 4);
  assert.equal(index.afterPrefix("c"), 5);
});
