/** Writes whose answers are lost on the way back from a real server. */
import assert from "node:assert/strict";
import { FakeClock } from "../../../tests/support/fake_clock.ts";
import { Alarms } from "../../base/alarms.ts";
import { type FaultProxy, startFaultProxy } from "../../../tests/support/fault_proxy.ts";
import { createBucket } from "../../../tests/support/s3_servers.ts";
import { openTestBucket } from "../../../tests/support/test_bucket.ts";
import { systemClock } from "../../base/clock.ts";
import { startS3Server } from "../../serve_s3/server.ts";
import { PreconditionFailedError, ServerError, TransportError } from "../errors.ts";
import type { CompletedPart, ObjectStore, PutResult } from "../object_store.ts";
import { Retrier } from "../retrier.ts";
import { MemoryStore, type StoreCall } from "./memory.ts";
import { RetryingStore } from "./retrying.ts";

const NEVER = new AbortController().signal;
const MIB = 2 ** 20;
const CREATE = { ifNoneMatch: "*" } as const;

interface Place {
  /** Through the proxy. */
  readonly store: ObjectStore;
  readonly proxy: FaultProxy;
  /** Does `work` while the answer to the next request of that method is lost. */
  losing<T>(method: string, work: () => Promise<T>): Promise<T>;
}

async function withPlace(body: (place: Place) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "cloudmount-test-lost-" });
  const keys = { accessKeyId: "test-access-key", secretAccessKey: "test-secret-key" };
  const server = await startS3Server({ directory, ...keys });
  const proxy = await startFaultProxy(server.url);
  try {
    await createBucket({ url: server.url, ...keys }, "bkt");
    using far = openTestBucket({ url: proxy.url, ...keys }, "bkt");
    const { store } = far.bucketStore;
    await store.list({ prefix: "" }, NEVER); // tells who the server is
    await body({
      store,
      proxy,
      losing: async (method, work) => {
        await proxy.setFaults({ rules: [{ fault: { kind: "lost_response" }, method, times: 1 }] });
        const result = await work().finally(() => proxy.setFaults({}));
        assert.ok(proxy.log.some(({ fault }) => fault === "lost_response"));
        return result;
      },
    });
  } finally {
    await proxy.close();
    await server.close();
    await Deno.remove(directory, { recursive: true });
  }
}

function test(name: string, body: (place: Place) => Promise<void>): void {
  // Kept-alive connections of the pool outlive a test.
  const options = { sanitizeResources: false, sanitizeOps: false };
  Deno.test({ name, ...options, fn: () => withPlace(body) });
}

function bytes(size: number, seed: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: size }, (_, i) => (i * 31 + (i >> 8) * seed + seed) & 255);
}

/** An object of two parts, whose ETag a copy does not keep. */
async function putInParts(store: ObjectStore, key: string): Promise<PutResult> {
  const metadata = { mode: "33188", mtime: "1700000000.123456789" };
  const id = await store.createMultipart(key, { metadata, contentType: "text/x-a" }, NEVER);
  const parts: CompletedPart[] = [];
  for (const number of [1, 2]) {
    parts.push(await store.uploadPart(key, id, number, bytes(5 * MIB, number), NEVER));
  }
  return await store.completeMultipart(key, id, parts, {}, NEVER);
}

test("a put that creates or replaces is recognised", async ({ store, losing }) => {
  const body = bytes(3 * MIB, 1);
  const created = await losing("PUT", () => store.put("k", body, CREATE, NEVER));
  assert.equal((await store.head("k", NEVER)).etag, created.etag);
  const condition = { ifMatch: created.etag };
  const replaced = await losing("PUT", () => store.put("k", bytes(9, 2), condition, NEVER));
  assert.equal((await store.head("k", NEVER)).etag, replaced.etag);
  await losing("PUT", () => store.put("empty", new Uint8Array(), CREATE, NEVER));
});

test("a put is recognised also where the repetition's answer is lost too", async (place) => {
  const { store, proxy } = place;
  const rules = [{ fault: { kind: "lost_response" }, method: "PUT", times: 2 }] as const;
  await proxy.setFaults({ rules });
  const { etag } = await store.put("k", bytes(100, 1), CREATE, NEVER);
  assert.equal((await store.head("k", NEVER)).etag, etag);
});

test("the completion of an upload is recognised", async ({ store, losing }) => {
  const id = await store.createMultipart("k", {}, NEVER);
  const parts = [await store.uploadPart("k", id, 1, bytes(100, 1), NEVER)];
  const result = await losing(
    "POST",
    () => store.completeMultipart("k", id, parts, CREATE, NEVER),
  );
  assert.equal((await store.head("k", NEVER)).etag, result.etag);
});

test("a copy is recognised by its ETag, or else by its content", async ({ store, losing }) => {
  const small = await store.put("small", bytes(100, 1), {}, NEVER);
  const parts = await putInParts(store, "parts");
  for (const [key, etag] of [["small", small.etag], ["parts", parts.etag]] as const) {
    const result = await losing(
      "PUT",
      () => store.copy({ key, ifMatch: etag }, `copy of ${key}`, CREATE, NEVER),
    );
    assert.equal((await store.head(`copy of ${key}`, NEVER)).etag, result.etag);
  }
});

test("a copy onto itself is recognised, whether or not its ETag changes", async (place) => {
  const { store, losing } = place;
  const small = await store.put("small", bytes(100, 1), {}, NEVER);
  const parts = await putInParts(store, "parts");
  const replace = { metadata: { mode: "33261", mtime: "1700000000.5" } };
  for (const [key, etag] of [["small", small.etag], ["parts", parts.etag]] as const) {
    const condition = { replace, ifMatch: etag };
    const result = await losing(
      "PUT",
      () => store.copy({ key, ifMatch: etag }, key, condition, NEVER),
    );
    const info = await store.head(key, NEVER);
    assert.equal(info.etag, result.etag);
    assert.deepEqual(info.metadata, replace.metadata);
  }
});

test("a deletion whose answer was lost is done", async ({ store, losing }) => {
  const { etag } = await store.put("k", bytes(100, 1), {}, NEVER);
  await losing("DELETE", () => store.delete("k", NEVER, { ifMatch: etag }));
  assert.deepEqual((await store.list({ prefix: "" }, NEVER)).objects, []);
});

/** A store whose pauses take no time, over one in memory. */
function hasty(
  nowMs = () => Date.now(),
): { readonly memory: MemoryStore; readonly store: ObjectStore } {
  const memory = new MemoryStore({ nowMs });
  const clock = systemClock;
  const retrier = new Retrier({
    clock,
    alarms: new Alarms(new FakeClock()), // which never ring
    totalMs: 30_000,
    onRetry: () => {},
    random: () => 0,
  });
  return { memory, store: new RetryingStore(memory, retrier, clock) };
}

/** Runs `between` once, then fails as when a connection breaks. */
function breakingOnce(
  method: StoreCall["method"],
  between: () => Promise<unknown> | void,
): (call: StoreCall) => Promise<void> {
  let done = false;
  return async (call) => {
    if (call.method !== method || done) return;
    done = true;
    await between();
    throw new TransportError("broken", { operation: method, bucket: "memory" });
  };
}

const REPLACE = { metadata: { mode: "33261", mtime: "1700000000.5" }, contentType: "text/x-a" };

function isRefused(what: string): (error: unknown) => boolean {
  return (error) => error instanceof PreconditionFailedError && error.what === what;
}

Deno.test("a write that somebody was faster with is not taken for our own", async () => {
  const { memory, store } = hasty();
  const theirs = () => memory.put("k", bytes(100, 2), {}, NEVER);
  memory.answerHook = breakingOnce("put", () => (memory.answerHook = undefined, theirs()));
  await assert.rejects(store.put("k", bytes(100, 1), CREATE, NEVER), isRefused("target"));
});

Deno.test("an empty object of somebody else is not taken for our own", async () => {
  const { memory, store } = hasty();
  await memory.put("k", new Uint8Array(), { metadata: { mtime: "1" } }, NEVER);
  const ours = { ...CREATE, metadata: { mtime: "2" } };
  await assert.rejects(store.put("k", new Uint8Array(), ours, NEVER), isRefused("target"));
});

Deno.test("another object of the size of a copy is not taken for it", async () => {
  const { memory, store } = hasty();
  const { etag } = await putInParts(store, "source");
  const { metadata, contentType } = await store.head("source", NEVER);
  const properties = { metadata: metadata!, contentType: contentType! };
  const ours = await (await store.get("source", {}, NEVER)).read(new Uint8Array(10 * MIB));
  const theirs = ours.slice();
  theirs[theirs.length - 1]! ^= 1;
  const copy = () => store.copy({ key: "source", ifMatch: etag }, "k", CREATE, NEVER);
  for (const [body, isTheSame] of [[theirs, false], [ours, true]] as const) {
    await memory.delete("k", NEVER);
    memory.hook = breakingOnce("copy", () => memory.put("k", body, properties, NEVER));
    if (isTheSame) await copy();
    else await assert.rejects(copy(), isRefused("target"));
  }
});

Deno.test("a copy onto itself is not recognised in what somebody else wrote", async () => {
  for (const metadata of [{ mode: "33188" }, { ...REPLACE.metadata, more: "1" }]) {
    const { memory, store } = hasty();
    const { etag } = await putInParts(store, "k");
    const theirs = { contentType: REPLACE.contentType, metadata };
    memory.hook = breakingOnce("copy", () => memory.put("k", bytes(100, 2), theirs, NEVER));
    await assert.rejects(
      store.copy({ key: "k", ifMatch: etag }, "k", { replace: REPLACE }, NEVER),
      isRefused("source"),
    );
  }
});

Deno.test("a copy onto itself without a name for its result is not recognised", async () => {
  const { memory, store } = hasty();
  const { etag } = await putInParts(store, "k");
  const theirs = { contentType: REPLACE.contentType };
  memory.hook = breakingOnce("copy", () => memory.put("k", bytes(100, 2), theirs, NEVER));
  const replace = { metadata: {}, contentType: REPLACE.contentType };
  await assert.rejects(
    store.copy({ key: "k", ifMatch: etag }, "k", { replace }, NEVER),
    isRefused("source"),
  );
});

Deno.test("an upload whose beginning was not answered is removed, and no other", async () => {
  let nowMs = Date.now() - 3_600_000;
  const { memory, store } = hasty(() => nowMs);
  const before = await memory.createMultipart("k", {}, NEVER);
  nowMs = Date.now();
  const ofAnotherKey = await memory.createMultipart("k2", {}, NEVER);
  memory.answerHook = breakingOnce("createMultipart", () => {});
  const ours = await store.createMultipart("k", {}, NEVER);
  assert.equal(memory.counts.createMultipart, 4);
  const { uploads } = await memory.listMultipart({ prefix: "" }, NEVER);
  assert.deepEqual(uploads.map(({ uploadId }) => uploadId), [before, ours, ofAnotherKey]);
});

Deno.test("an upload that begins at once is not looked for", async () => {
  const { memory, store } = hasty();
  await store.createMultipart("k", {}, NEVER);
  assert.equal(memory.counts.listMultipart, 0);
});

Deno.test("a write that another one is in the way of is repeated, and then refused", async () => {
  for (const [conflicts, attempts] of [[2, 3], [9, 3]] as const) {
    const { memory, store } = hasty();
    memory.hook = ({ method }) => {
      if (method !== "put" || memory.counts.put > conflicts) return;
      const details = { operation: "PutObject", bucket: "memory", status: 409 };
      throw new ServerError("busy", { ...details, code: "ConditionalRequestConflict" });
    };
    const put = store.put("k", bytes(100, 1), CREATE, NEVER);
    if (conflicts < attempts) await put;
    else await assert.rejects(put, isRefused("target"));
    assert.equal(memory.counts.put, attempts);
  }
});

Deno.test("an attempt of ours that is still under way is recognised", async () => {
  const { memory, store } = hasty();
  // Timed out here, the first attempt reaches its end there while the second one is refused.
  memory.hook = ({ method }) => {
    if (method !== "put" || memory.counts.put > 2) return;
    const details = { operation: "PutObject", bucket: "memory" };
    if (memory.counts.put === 1) throw new TransportError("no answer", details);
    memory.hook = undefined;
    const conflict = { ...details, status: 409, code: "ConditionalRequestConflict" };
    return memory.put("k", bytes(100, 1), {}, NEVER).then(() => {
      throw new ServerError("busy", conflict);
    });
  };
  const { etag } = await store.put("k", bytes(100, 1), CREATE, NEVER);
  assert.equal((await memory.head("k", NEVER)).etag, etag);
});
