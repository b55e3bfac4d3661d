import assert from "node:assert/strict";
import { FakeClock } from "../../../tests/support/fake_clock.ts";
import { fakeMountConfig } from "../../../tests/daemon/fake_backend.ts";
import type { BucketStore } from "../../s3/bucket_store.ts";
import { AccessDeniedError, WrongRegionError } from "../../s3/errors.ts";
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
    region: "us-east-1",
    credentialsExpireAtMs: undefined,
    identity: () => Promise.resolve({ accessKeyIdEnd: "WXYZ" }),
    removeVersions: () => assert.fail("it has no versions"),
    warnings: () => [],
    keepFresh: () => {},
    hasNewCredentials: () => Promise.resolve(false),
    probe,
    firstPage: () => assert.fail("no names are wanted"),
    close: () => {},
  };
}

const fine = () => Promise.resolve();

Deno.test("A bucket that does not answer is told with the reason, and not tried further", async () => {
  const store = new MemoryStore({
    hook: () => assert.fail("nothing may be asked"),
  });
  const denied = () =>
    Promise.reject(
      new AccessDeniedError("no", {
        operation: "ListObjectsV2",
        bucket: "photos-bucket",
        status: 403,
        hint: "Check the policy",
      }),
    );
  const found = await checkBucket(
    fakeMountConfig("photos"),
    bucketOf(store, denied),
    new FakeClock(),
    signal,
  );
  assert.deepEqual(found.map(({ check, status }) => [check, status]), [
    ["credentials", "ok"],
    ["bucket", "error"],
  ]);
  assert.equal(found[1]!.fix, "Allow s3:ListBucket on arn:aws:s3:::photos-bucket");
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
    "access key …WXYZ",
    '"photos-bucket" answers at https://s3.example.com (Example)',
    'is in the region "us-east-1"',
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

Deno.test("A wrong region is told with the line to write, whether the service corrected it or not", async () => {
  const mount = fakeMountConfig("photos", { readOnly: true, region: "eu-west-1" });
  const check = async (probe: () => Promise<void>) => {
    const bucket = bucketOf(new MemoryStore(), probe);
    const found = await checkBucket(mount, bucket, new FakeClock(), signal);
    return found.find(({ check }) => check === "bucket.region");
  };
  const corrected = await check(fine);
  assert.equal(corrected?.status, "warning");
  assert.equal(corrected?.fix, 'In the [[mount]] "photos" write: region = "us-east-1"');
  const details = { operation: "ListObjectsV2", bucket: "photos-bucket", status: 400 };
  const refused = await check(() =>
    Promise.reject(new WrongRegionError("no", details, "eu-north-1"))
  );
  assert.equal(refused?.status, "error");
  assert.equal(refused?.fix, 'In the [[mount]] "photos" write: region = "eu-north-1"');
});

Deno.test("Without credentials S3 is not asked", async () => {
  const none = new AccessDeniedError("none", { operation: "GetCallerIdentity", bucket: "b" });
  const bucket = {
    ...bucketOf(new MemoryStore(), () => assert.fail("nothing may be asked")),
    identity: () => Promise.reject(none),
  };
  const found = await checkBucket(fakeMountConfig("photos"), bucket, new FakeClock(), signal);
  assert.deepEqual(found.map(({ check, status }) => [check, status]), [["credentials", "error"]]);
});
