import assert from "node:assert/strict";
import { MemoryStore } from "../s3/stores/memory.ts";
import { contentId } from "./content_id.ts";
import { nextSourceId } from "./object_source.ts";

const MD5 = "0123456789abcdef0123456789abcdef";
const store = new MemoryStore();

function idOf(key: string, etag: string, size = 10, bucket = "bucket", prefix = "") {
  return contentId(bucket, prefix, { store, id: nextSourceId(), key, etag, size });
}

Deno.test("A content has one name whatever object of the bucket has it", () => {
  const id = idOf("a", `"${MD5}"`)!;
  assert.match(id, /^[0-9a-f]{32}$/);
  assert.equal(idOf("b", `"${MD5}"`), id);
  assert.equal(idOf("b", MD5), id);
  assert.notEqual(idOf("a", `"${MD5}"`, 11), id);
  assert.notEqual(idOf("a", `"${MD5}"`, 10, "other"), id);
  assert.notEqual(idOf("a", `"${MD5}-3"`), id);
  assert.equal(idOf("b", `"${MD5}-3"`), idOf("a", `"${MD5}-3"`));
});

Deno.test("An ETag that is no digest is one of its object only", () => {
  assert.notEqual(idOf("a", '"v1"'), idOf("b", '"v1"'));
  assert.equal(idOf("a/b", '"v1"'), idOf("b", '"v1"', 10, "bucket", "a/"));
  assert.notEqual(idOf("a", `W/"${MD5}"`), idOf("b", `W/"${MD5}"`));
});

Deno.test("Without an ETag a content has no name", () => {
  assert.equal(idOf("a", ""), undefined);
});
