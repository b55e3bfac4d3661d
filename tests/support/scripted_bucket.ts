/** The product's S3 client over a scripted server. */
import assert from "node:assert/strict";
import type { BucketStoreOptions } from "../../src/s3/bucket_store.ts";
import { StoreError } from "../../src/s3/errors.ts";
import type { ObjectStore } from "../../src/s3/object_store.ts";
import {
  type ScriptedReply,
  type ScriptedRequest,
  type ScriptedServer,
  startScriptedServer,
} from "./scripted_server.ts";
import { openTestBucket, type TestBucket } from "./test_bucket.ts";

/** Short, so that tests of silence take no time. */
export const TEST_DEADLINES = { firstByteMs: 200, stallMs: 200, totalMs: 2_000 };

export interface ScriptedBucket extends TestBucket {
  readonly server: ScriptedServer;
}

/** Runs `body` with a store whose server answers as `answer` says. */
export async function withScriptedBucket(
  answer: (request: ScriptedRequest, index: number) => ScriptedReply | Promise<ScriptedReply>,
  body: (bucket: ScriptedBucket) => Promise<void>,
  options: Partial<BucketStoreOptions> = {},
): Promise<void> {
  await using server = startScriptedServer(answer);
  const keys = { accessKeyId: "test-id", secretAccessKey: "test-secret" };
  using bucket = openTestBucket({ url: server.url, ...keys }, "bkt", {
    deadlines: TEST_DEADLINES,
    ...options,
  });
  await body({ ...bucket, server });
}

/** Few attempts: what is repeated is another test's business. */
const FEW_ATTEMPTS = { deadlines: { ...TEST_DEADLINES, totalMs: 400 } };

/** Runs `work` against a server that always gives `answer`, and returns the error. */
export async function failureOf(
  answer: ScriptedReply,
  work: (store: ObjectStore) => Promise<unknown>,
): Promise<StoreError> {
  let failure: unknown;
  await withScriptedBucket(() => answer, async ({ bucketStore, pool }) => {
    await work(bucketStore.store).catch((error: unknown) => failure = error);
    assert.equal(pool.inUse, 0);
  }, FEW_ATTEMPTS);
  assert.ok(failure instanceof StoreError, `${JSON.stringify(answer)}: ${failure}`);
  return failure;
}
