import assert from "node:assert/strict";
import { type ListedFile, Listing } from "./listing.ts";

const file: ListedFile = { kind: "file", size: 1, etag: "e", lastModifiedMs: 0 };

Deno.test("Listing knows names up to where it was read, and directories only behind their slash", () => {
  const listing = new Listing();
  listing.hasFirstPage = true;
  listing.nextToken = "more";
  listing.coveredTo = "m";
  assert.equal(listing.knows("a"), true);
  // "m/" sorts behind "m": the next page may begin with it.
  assert.equal(listing.knows("m"), false);
  assert.equal(listing.knows("z"), false);
  listing.learn("z", undefined);
  listing.learn("y", file);
  assert.equal(listing.knows("z"), true);
  assert.equal(listing.get("y"), file);
});

Deno.test("Listing repeats changes made while a LIST was under way", () => {
  const listing = new Listing();
  listing.markComplete(1);
  listing.noteChanges();
  listing.set("new", file);
  listing.set("gone", undefined);
  const fresh = new Listing();
  fresh.markComplete(1);
  fresh.add("gone", file);
  listing.applyChangesTo(fresh);
  assert.equal(fresh.get("new"), file);
  assert.equal(fresh.get("gone"), undefined);
  listing.set("later", file);
  const second = new Listing();
  listing.applyChangesTo(second);
  assert.equal(second.size, 0, "nothing is noted any more");
});
