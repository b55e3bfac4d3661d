import assert from "node:assert/strict";
import { FakeClock } from "../../../tests/support/fake_clock.ts";
import { fakeMountConfig } from "../../../tests/daemon/fake_backend.ts";
import type { BucketStore } from "../../s3/bucket_store.ts";
import { AccessDeniedError } from "../../s3/errors.ts";
import { AWS_QUIRKS } from "../../s3/quirks.ts";
import { RequestStats } from "../../s3/request_stats.ts";
import { MemoryStore } from "../../s3/stores/memory.ts";
import { checkBucket } from "./check_bucket.ts";

const signal = new AbortController().signal;
const DAY_MS = 24 * 3600_000;

function bucketOf(store: MemoryStore, probe: () => Promise<void>): BucketStore {
  return {
    store,
    stats: new RequestStats(new FakeClock()),
    origin: "https://s3.example.com",
    providerName: "Example",
    quirks: AWS_QUIRKS,
    credentialsExpireAtMs: undefined,
    probe,
    close: () => {},
  };
}

const fine = () => Promise.resolve();

Deno.test("A bucket that does not answer is told with the reason, and not tried further", async () => {
  const store = new MemoryStore({
    hook: () => assert.fail("nothing may be asked"),
  });
  const denied = () =>
    Promise.reject(new AccessDeniedError("no", { operation: "ListObjects", bucket: "b" }));
  const found = await checkBucket(
    fakeMountConfig("photos"),
    bucketOf(store, denied),
    new FakeClock(),
    signal,
  );
  assert.deepEqual(found.map(({ check, status }) => [check, status]), [["bucket", "error"]]);
  assert.match(found[0]!.fix, /Allow s3:ListBucket on arn:aws:s3:::photos-bucket;/);
});

Deno.test("A read-only mount is only read", async () => {
  const calls: string[] = [];
  const store = new MemoryStore({ hook: ({ method }) => void calls.push(method) });
  await store.put("a", new Uint8Array(3), {}, signal);
  const found = await checkBucket(
    fakeMountConfig("photos", { readOnly: true }),
    bucketOf(store, fine),
    new FakeClock(),
    signal,
  );
  assert.deepEqual(found.map(({ message }) => message), [
    '"photos-bucket" answers at https://s3.example.com (Example)',
    "can be read",
  ]);
  assert.deepEqual(calls, ["put", "list", "get"]);
});

Deno.test("Uploads that were begun long ago and never ended are found", async () => {
  const store = new MemoryStore();
  await store.createMultipart("movie.mkv", {}, signal);
  const check = (nowMs: number) =>
    checkBucket(
      fakeMountConfig("photos"),
      bucketOf(store, fine),
      new FakeClock(nowMs),
      signal,
    );
  assert.equal((await check(6 * DAY_MS)).at(-1)?.status, "ok");
  const last = (await check(8 * DAY_MS)).at(-1);
  assert.equal(last?.status, "warning");
  assert.match(last?.message ?? "", /1 upload begun more than .* "movie.mkv"/);
  assert.match(last?.fix ?? "", /list-multipart-uploads --bucket photos-bucket/);
});
