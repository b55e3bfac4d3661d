import assert from "node:assert/strict";
import { MemoryStore } from "../s3/stores/memory.ts";
import { AttributeLoader } from "./attribute_loader.ts";
import { AttributeDatabase } from "./attribute_store.ts";
import { Listing } from "./listing.ts";

const never = new AbortController().signal;

function setUp(mode: "fast" | "full") {
  const store = new MemoryStore();
  const database = new AttributeDatabase(":memory:");
  const remembered = database.of("b");
  const listing = new Listing();
  const put = async (name: string, metadata: Record<string, string>) => {
    const { etag } = await store.put(`d/${name}`, new Uint8Array(1), { metadata }, never);
    const entry = name.endsWith("/")
      ? { kind: "directory" } as const
      : { kind: "file", size: 1, etag, lastModifiedMs: 0 } as const;
    listing.add(name.replace("/", ""), entry);
    return etag;
  };
  listing.markComplete(1);
  const loader = new AttributeLoader(store, remembered, mode);
  return { store, database, remembered, listing, loader, put };
}

Deno.test("AttributeLoader adds what is remembered for exactly the listed version", async () => {
  const { database, remembered, listing, loader, put, store } = setUp("fast");
  const etag = await put("same", {});
  await put("changed", {});
  await put("sub/", {});
  remembered.set("d/", "same", etag, { uid: 7 });
  remembered.set("d/", "changed", '"older"', { uid: 7 });
  remembered.set("d/", "deleted", '"older"', { uid: 7 });
  remembered.set("d/", "sub", "", { mode: 0o040700 });
  await loader.load("d/", listing, never);
  assert.deepEqual(listing.get("same")?.attributes, { uid: 7 });
  assert.equal(listing.get("changed")?.attributes, undefined);
  assert.deepEqual(listing.get("sub")?.attributes, { mode: 0o040700 });
  const names = remembered.directory("d/").map((row) => row.name);
  assert.deepEqual(
    names,
    ["changed", "deleted", "same", "sub"],
    "the listing may be the older one",
  );
  assert.equal(store.counts.head, 0);
  database.close();
});

Deno.test("AttributeLoader asks once for what an object says that was made by a program killed then", async () => {
  const { database, remembered, listing, loader, put, store } = setUp("fast");
  const before = await put("not made", {});
  remembered.set("d/", "not made", before, { uid: 7 });
  await put("made", { mode: String(0o100640) });
  await put("another's", { mode: String(0o100640) });
  for (const name of ["not made", "made"]) loader.expect("d/", name);
  for (let times = 0; times < 2; times++) {
    await loader.load("d/", listing, never);
    assert.deepEqual(listing.get("made")?.attributes, { mode: 0o100640 });
    assert.deepEqual(listing.get("not made")?.attributes, { uid: 7 });
    assert.equal(listing.get("another's")?.attributes, undefined);
  }
  assert.equal(store.counts.head, 1);
  database.close();
});

Deno.test("AttributeLoader in full mode asks once for each object it has not seen", async () => {
  const { store, database, listing, loader, put } = setUp("full");
  await put("a", { mode: String(0o100755) });
  await put("plain", {});
  await put("sub/", { mode: String(0o040700) });
  listing.add("implicit", { kind: "directory" });
  await loader.load("d/", listing, never);
  assert.deepEqual(listing.get("a")?.attributes, { mode: 0o100755 });
  assert.deepEqual(listing.get("sub")?.attributes, { mode: 0o040700 });
  assert.equal(store.counts.head, 4);
  await loader.load("d/", listing, never);
  assert.equal(store.counts.head, 4, "remembered, also that there are none");
  database.close();
});

Deno.test("AttributeLoader.keepTime keeps an mtime that a copy would lose", () => {
  const { database, remembered, loader } = setUp("fast");
  loader.remember("d/", "known", "old", { mode: 0o100600, mtime: { sec: 5, nsec: 0 } });
  loader.keepTime("d/", "known", "old", "new", 9000);
  loader.keepTime("d/", "unknown", "old", "new", 9000);
  assert.deepEqual(remembered.get("d/", "known"), {
    name: "known",
    etag: "new",
    attributes: { mode: 0o100600, mtime: { sec: 5, nsec: 0 } },
  });
  assert.deepEqual(remembered.get("d/", "unknown")?.attributes, { mtime: { sec: 9, nsec: 0 } });
  database.close();
});
