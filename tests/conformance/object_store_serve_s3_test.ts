import { startS3Server } from "../../src/serve_s3/server.ts";
import { createBucket } from "../support/s3_servers.ts";
import { openTestBucket } from "../support/test_bucket.ts";
import { objectStoreSuite, type StoreFixture } from "./object_store_suite.ts";

const directory = await Deno.makeTempDir({ prefix: "cloudmount-test-serve-s3-" });
const keys = { accessKeyId: "test-access-key", secretAccessKey: "test-secret-key-0123456789" };
const server = await startS3Server({ directory, ...keys });

let count = 0;
objectStoreSuite({
  name: "serve-s3",
  open: async (): Promise<StoreFixture> => {
    const bucket = `suite-${++count}`;
    const address = { url: server.url, ...keys };
    await createBucket(address, bucket);
    const opened = openTestBucket(address, bucket);
    return {
      store: opened.bucketStore.store,
      address: { ...address, bucket },
      connectionsInUse: () => opened.pool.inUse,
      [Symbol.asyncDispose]: () => Promise.resolve(opened[Symbol.dispose]()),
    };
  },
});

Deno.test({
  name: "serve-s3 stops",
  sanitizeResources: false,
  sanitizeOps: false,
  fn: async () => {
    await server.close();
    await Deno.remove(directory, { recursive: true });
  },
});
