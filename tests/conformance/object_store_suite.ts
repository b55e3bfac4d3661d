/**
 * What every `ObjectStore` must do, as tests. Runners beside this file apply it to the in-memory
 * store, to `serve-s3`, and to the real servers that are installed.
 */
import assert from "node:assert/strict";
import {
  InvalidKeyError,
  NotFoundError,
  PreconditionFailedError,
  StoreError,
} from "../../src/s3/errors.ts";
import { compareKeys } from "../../src/s3/key_encoding.ts";
import type { ListOptions, ObjectInfo, ObjectStore } from "../../src/s3/object_store.ts";
import { HOSTILE_KEYS } from "./hostile_keys.ts";
import { bytesOf, drain, patternBytes, textOf } from "./store_bytes.ts";
import { testMultipart } from "./multipart_suite.ts";
import { testStreaming } from "./streaming_suite.ts";
import { testWrites } from "./write_suite.ts";

/** A store over an empty bucket of its own. */
export interface StoreFixture extends AsyncDisposable {
  readonly store: ObjectStore;
  /** Where the store's bucket is; absent when it is no server's. */
  readonly address?: {
    readonly url: string;
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly bucket: string;
  };
  /** Connections in use: 0 when every body was read or cancelled. */
  readonly connectionsInUse?: () => number;
}

export interface SuiteOptions {
  /** Shown before each test's name. */
  readonly name: string;
  readonly open: () => Promise<StoreFixture>;
  /** Why this server cannot store a key that S3 allows; undefined when it can. */
  readonly whyNotKey?: (key: string) => string | undefined;
  /** Why a test does not apply, by its name; printed. */
  readonly skip?: Readonly<Record<string, string>>;
}

export type SuiteTest = (
  name: string,
  body: (fixture: StoreFixture, signal: AbortSignal) => Promise<void>,
) => void;

const NEVER = new AbortController().signal;

/** Registers the tests. */
export function objectStoreSuite(options: SuiteOptions): void {
  const test: SuiteTest = (name, body) => {
    const reason = options.skip?.[name];
    // deno-lint-ignore no-console -- a test says what it skips or measured
    if (reason !== undefined) console.log(`skipped: ${options.name} ${name}: ${reason}`);
    Deno.test({
      name: `${options.name} ${name}`,
      ignore: reason !== undefined,
      // Kept-alive connections of the pool outlive a test.
      sanitizeResources: false,
      sanitizeOps: false,
      fn: async () => {
        await using fixture = await options.open();
        await body(fixture, NEVER);
        assert.equal(fixture.connectionsInUse?.() ?? 0, 0, "connections still in use");
      },
    });
  };
  testObjects(test);
  testListings(test);
  testConditions(test);
  testCopies(test);
  testDeletes(test);
  testKeys(test, options);
  testMultipart(test);
  testWrites(test);
  testStreaming(test);
}

function testObjects(test: SuiteTest): void {
  test("returns what was put", async ({ store }, signal) => {
    const put = await store.put("dir/a.txt", bytesOf("hello"), {
      contentType: "text/x-test",
      metadata: { mode: "33188", "two-words": "a b", greek: "αβγ", odd: " leading  double " },
    }, signal);
    const info = await store.head("dir/a.txt", signal);
    assert.equal(info.key, "dir/a.txt");
    assert.equal(info.size, 5);
    assert.equal(info.etag, put.etag);
    assert.equal(info.contentType, "text/x-test");
    assert.deepEqual(info.metadata, {
      mode: "33188",
      "two-words": "a b",
      greek: "αβγ",
      odd: " leading  double ",
    });
    const body = await store.get("dir/a.txt", {}, signal);
    assert.deepEqual(body.info.metadata, info.metadata);
    assert.equal(body.info.size, 5);
    assert.equal(await textOf(body), "hello");
  });

  test("keeps empty objects", async ({ store }, signal) => {
    await store.put("empty", new Uint8Array(), {}, signal);
    assert.equal((await store.head("empty", signal)).size, 0);
    assert.equal(await textOf(await store.get("empty", {}, signal)), "");
  });

  test("reads ranges", async ({ store }, signal) => {
    const bytes = patternBytes(0, 100_000);
    await store.put("r", bytes, {}, signal);
    const cases = [[0, 1], [0, 100_000], [99_999, 100_000], [4_096, 70_001], [90_000, 200_000]];
    for (const [start, end] of cases as [number, number][]) {
      const body = await store.get("r", { range: { start, end } }, signal);
      assert.equal(body.info.size, 100_000);
      assert.deepEqual(await drain(body), bytes.slice(start, end), `${start}-${end}`);
    }
    await assert.rejects(
      store.get("r", { range: { start: 100_000, end: 100_001 } }, signal),
      (error) => error instanceof StoreError && error.details.code === "InvalidRange",
    );
  });

  test("fills targets of any shape", async ({ store }, signal) => {
    const bytes = patternBytes(7, 10_000);
    await store.put("shapes", bytes, {}, signal);
    const body = await store.get("shapes", {}, signal);
    const large = new Uint8Array(4_000).fill(255);
    const first = await body.read(large.subarray(1_000, 3_000));
    assert.deepEqual(first.slice(), bytes.slice(0, 2_000));
    // What surrounds the target stays as it was, in the buffer the result is a view of.
    const around = new Uint8Array(first.buffer);
    assert.ok(around.subarray(0, 1_000).every((byte) => byte === 255));
    assert.ok(around.subarray(3_000).every((byte) => byte === 255));
    const second = await body.read(new Uint8Array(5_000));
    assert.deepEqual(second.slice(), bytes.slice(2_000, 7_000));
    const last = await body.read(new Uint8Array(5_000));
    assert.deepEqual(last.slice(), bytes.slice(7_000));
    assert.equal((await body.read(new Uint8Array(10))).byteLength, 0);
  });

  test("frees the connection of a body that is cancelled", async ({ store }, signal) => {
    await store.put("c", patternBytes(0, 3_000_000), {}, signal);
    const body = await store.get("c", {}, signal);
    await body.read(new Uint8Array(10));
    await body.cancel();
    await body.cancel();
  });

  test("reports missing objects", async ({ store }, signal) => {
    await assert.rejects(store.head("none", signal), NotFoundError);
    await assert.rejects(store.get("none", {}, signal), (error) => {
      assert.ok(error instanceof NotFoundError);
      // A store of a prefix names the whole key.
      assert.ok(error.details.key?.endsWith("none"));
      assert.equal(error.details.status, 404);
      assert.match(error.message, /none/);
      return true;
    });
  });

  test("rejects with the reason of the signal", async ({ store }) => {
    const reason = new Error("enough");
    const aborted = AbortSignal.abort(reason);
    await assert.rejects(store.head("x", aborted), reason);
    await assert.rejects(store.put("x", bytesOf("x"), {}, aborted), reason);
    await assert.rejects(store.list({ prefix: "" }, aborted), reason);
  });
}

function testListings(test: SuiteTest): void {
  test("lists an empty bucket", async ({ store }, signal) => {
    assert.deepEqual(await store.list({ prefix: "" }, signal), { objects: [], prefixes: [] });
  });

  test("lists in the order of UTF-8 bytes", async ({ store }, signal) => {
    const keys = ["b", "a", "Z", "é", "e", "\u{1F600}", "\uFFFD", "a-", "a0", "ab"];
    for (const key of keys) await store.put(key, bytesOf(key), {}, signal);
    const page = await store.list({ prefix: "" }, signal);
    assert.deepEqual(page.objects.map((info) => info.key), keys.sort(compareKeys));
    const first = page.objects.find((info) => info.key === "Z")!;
    assert.equal(first.size, 1);
    const head = await store.head("Z", signal);
    assert.equal(first.etag, head.etag);
    assert.equal(
      Math.floor(first.lastModifiedMs / 1000),
      Math.floor(head.lastModifiedMs / 1000),
    );
  });

  test("keeps directory objects", async ({ store }, signal) => {
    await store.put("d/", new Uint8Array(), { metadata: { mode: "16877" } }, signal);
    await store.put("d/e/", new Uint8Array(), {}, signal);
    await store.put("d/f", bytesOf("f"), {}, signal);
    assert.deepEqual((await store.head("d/", signal)).metadata, { mode: "16877" });
    assert.deepEqual((await store.list({ prefix: "", delimiter: "/" }, signal)).prefixes, ["d/"]);
    const inside = await store.list({ prefix: "d/", delimiter: "/" }, signal);
    assert.deepEqual(inside.objects.map((info) => info.key), ["d/", "d/f"]);
    assert.deepEqual(inside.prefixes, ["d/e/"]);
    await store.delete("d/f", signal);
    assert.equal((await store.head("d/", signal)).size, 0);
  });

  test("lists by prefix, delimiter and page", async ({ store }, signal) => {
    const keys = [
      ...Array.from({ length: 13 }, (_, i) => `d/file${String(i).padStart(2, "0")}`),
      ...Array.from({ length: 9 }, (_, i) => `d/sub${i}/x`),
      ...Array.from({ length: 9 }, (_, i) => `d/sub${i}/y`),
      "d2/other",
      "c",
    ];
    for (const key of keys) await store.put(key, bytesOf(""), {}, signal);
    for (const maxKeys of [1, 7, 22, 1000]) {
      const all = await listAll(store, { prefix: "d/", delimiter: "/", maxKeys }, signal);
      assert.equal(all.objects.length, 13, `${maxKeys}`);
      assert.deepEqual(all.prefixes, Array.from({ length: 9 }, (_, i) => `d/sub${i}/`));
      const flat = await listAll(store, { prefix: "d", maxKeys }, signal);
      assert.deepEqual(
        flat.objects.map((info) => info.key),
        keys.filter((key) => key.startsWith("d")).sort(),
      );
    }
    const top = await store.list({ prefix: "", delimiter: "/" }, signal);
    assert.deepEqual(top.prefixes, ["d/", "d2/"]);
    assert.deepEqual(top.objects.map((info) => info.key), ["c"]);
    const after = await store.list({ prefix: "d/", startAfter: "d/sub7/x" }, signal);
    assert.deepEqual(after.objects.map((info) => info.key), [
      "d/sub7/y",
      "d/sub8/x",
      "d/sub8/y",
    ]);
  });

  test("lists 10,000 keys in ten pages", async ({ store }, signal) => {
    const keys = Array.from({ length: 10_000 }, (_, i) => `k/${String(i).padStart(5, "0")}`);
    const pending = [...keys];
    const workers = Array.from({ length: 16 }, async () => {
      for (let key = pending.pop(); key !== undefined; key = pending.pop()) {
        await store.put(key, bytesOf("x"), {}, signal);
      }
    });
    await Promise.all(workers);
    const all = await listAll(store, { prefix: "k/" }, signal);
    // MinIO finds out on an eleventh, empty page that there is no more.
    assert.ok(all.pages <= 11, `${all.pages} pages`);
    assert.deepEqual(all.objects.map((info) => info.key), keys);
    for (let i = 0; i < keys.length; i += 1000) {
      assert.deepEqual(await store.deleteMany(keys.slice(i, i + 1000), signal), []);
    }
    assert.deepEqual((await store.list({ prefix: "k/" }, signal)).objects, []);
  });
}

function testConditions(test: SuiteTest): void {
  test("creates only where nothing is", async ({ store }, signal) => {
    await store.put("new", bytesOf("1"), { ifNoneMatch: "*" }, signal);
    await assert.rejects(
      store.put("new", bytesOf("2"), { ifNoneMatch: "*" }, signal),
      PreconditionFailedError,
    );
    assert.equal(await textOf(await store.get("new", {}, signal)), "1");
  });

  test("replaces only what is known", async ({ store }, signal) => {
    const first = await store.put("o", bytesOf("1"), {}, signal);
    const second = await store.put("o", bytesOf("2"), { ifMatch: first.etag }, signal);
    const stale = { ifMatch: first.etag };
    await assert.rejects(store.put("o", bytesOf("3"), stale, signal), PreconditionFailedError);
    await assert.rejects(store.put("gone", bytesOf("3"), stale, signal), PreconditionFailedError);
    await assert.rejects(store.get("o", stale, signal), PreconditionFailedError);
    const body = await store.get("o", { ifMatch: second.etag }, signal);
    assert.equal(await textOf(body), "2");
  });
}

function testCopies(test: SuiteTest): void {
  test("copies objects with their properties or new ones", async ({ store }, signal) => {
    const properties = { contentType: "text/x-a", metadata: { a: "1" } };
    const { etag } = await store.put("from me+%", bytesOf("copy"), properties, signal);
    await store.copy({ key: "from me+%", ifMatch: etag }, "to/ü", {}, signal);
    const copy = await store.head("to/ü", signal);
    assert.equal(copy.contentType, "text/x-a");
    assert.deepEqual(copy.metadata, { a: "1" });
    assert.equal(await textOf(await store.get("to/ü", {}, signal)), "copy");

    const replace = { metadata: { b: "2" }, contentType: "text/x-b" };
    await store.copy({ key: "to/ü" }, "to/ü", { replace }, signal);
    const changed = await store.head("to/ü", signal);
    assert.equal(changed.contentType, "text/x-b");
    assert.deepEqual(changed.metadata, { b: "2" });
    assert.equal(await textOf(await store.get("to/ü", {}, signal)), "copy");
  });

  test("obeys the conditions of a copy", async ({ store }, signal) => {
    await store.put("s", bytesOf("1"), {}, signal);
    const taken = await store.put("taken", bytesOf("2"), {}, signal);
    const stale = { key: "s", ifMatch: taken.etag };
    await assert.rejects(store.copy(stale, "d", {}, signal), PreconditionFailedError);
    await assert.rejects(
      store.copy({ key: "s" }, "taken", { ifNoneMatch: "*" }, signal),
      PreconditionFailedError,
    );
    assert.equal(await textOf(await store.get("taken", {}, signal)), "2");
    await assert.rejects(store.copy({ key: "none" }, "d", {}, signal), NotFoundError);
    await store.copy({ key: "s" }, "taken", { ifMatch: taken.etag }, signal);
    assert.equal(await textOf(await store.get("taken", {}, signal)), "1");
  });
}

function testDeletes(test: SuiteTest): void {
  test("deletes, also what is not there", async ({ store }, signal) => {
    await store.put("x", bytesOf("1"), {}, signal);
    await store.delete("x", signal);
    await store.delete("x", signal);
    await assert.rejects(store.head("x", signal), NotFoundError);
  });

  test("deletes many keys at once", async ({ store }, signal) => {
    const keys = ["plain", "a&b <c> \"d\" 'e'", "ä/ö", "50%+1"];
    for (const key of keys) await store.put(key, bytesOf("1"), {}, signal);
    assert.deepEqual(await store.deleteMany([...keys, "missing"], signal), []);
    assert.deepEqual((await store.list({ prefix: "" }, signal)).objects, []);
  });
}

function testKeys(test: SuiteTest, options: SuiteOptions): void {
  test("keeps hostile keys exact", async ({ store }, signal) => {
    let stored = 0;
    for (const key of HOSTILE_KEYS) {
      const reason = options.whyNotKey?.(key);
      if (reason !== undefined) {
        // deno-lint-ignore no-console -- a test says what it skips or measured
        console.log(`skipped: ${options.name} key ${JSON.stringify(key)}: ${reason}`);
        continue;
      }
      stored++;
      const label = JSON.stringify(key);
      const content = `content of ${label}`;
      await store.put(key, bytesOf(content), {}, signal);
      assert.equal((await store.head(key, signal)).key, key, label);
      assert.equal(await textOf(await store.get(key, {}, signal)), content, label);
      const { objects } = await store.list({ prefix: "" }, signal);
      assert.deepEqual(objects.map((info) => info.key), [key], label);
      const below = await store.list({ prefix: key.slice(0, 1) }, signal);
      assert.deepEqual(below.objects.map((info) => info.key), [key], label);
      await store.copy({ key }, "copy of it", {}, signal);
      assert.equal(await textOf(await store.get("copy of it", {}, signal)), content, label);
      assert.deepEqual(await store.deleteMany([key, "copy of it"], signal), [], label);
      await assert.rejects(store.head(key, signal), NotFoundError, label);
    }
    assert.ok(stored > HOSTILE_KEYS.length / 2);
  });

  test("refuses keys that cannot be asked for", async ({ store }, signal) => {
    const keys = ["", ".", "..", "a/../b", "a/./b", "a/..", "x".repeat(1025), "\uD800"];
    for (const key of keys) {
      await assert.rejects(store.head(key, signal), InvalidKeyError, JSON.stringify(key));
      await assert.rejects(store.put(key, bytesOf(""), {}, signal), InvalidKeyError);
    }
  });
}

/** All pages of a listing. */
export async function listAll(
  store: ObjectStore,
  options: ListOptions,
  signal: AbortSignal,
): Promise<{ objects: ObjectInfo[]; prefixes: string[]; pages: number }> {
  const objects: ObjectInfo[] = [];
  const prefixes: string[] = [];
  let token: string | undefined;
  let pages = 0;
  do {
    const page = await store.list(token === undefined ? options : { ...options, token }, signal);
    objects.push(...page.objects);
    prefixes.push(...page.prefixes);
    token = page.nextToken;
    pages++;
  } while (token !== undefined);
  return { objects, prefixes, pages };
}
