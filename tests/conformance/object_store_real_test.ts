import { isUnspeakableInXml } from "../../src/s3/key_encoding.ts";
import { startMinio, startVersitygw, type TestS3Server } from "../support/s3_servers.ts";
import { openTestBucket } from "../support/test_bucket.ts";
import { objectStoreSuite, type StoreFixture, type SuiteOptions } from "./object_store_suite.ts";

await runOn("versitygw", startVersitygw, {
  whyNotKey: (key) => {
    if (/^\/|\/\/|\/$/.test(key)) return "keys are file paths there";
    if (isUnspeakableInXml(key)) return "its listings ignore encoding-type=url";
    return undefined;
  },
  skip: {
    "lists the uploads of a key page by page": "it refuses the upload-id-marker that it gave",
  },
});
await runOn("minio", startMinio, {
  whyNotKey: (key) => {
    if (/^\/|\/\//.test(key)) return "it normalises slashes";
    return undefined;
  },
  skip: {
    "deletes only the version that is meant": "it ignores the conditions of deletions",
    "deletes of many only the versions that are meant": "it ignores the conditions of deletions",
    "lists the uploads of all keys below a prefix": "it lists those of one key only",
  },
});

async function runOn(
  name: string,
  start: () => Promise<TestS3Server | undefined>,
  options: Omit<SuiteOptions, "name" | "open">,
): Promise<void> {
  const server = await start();
  if (server === undefined) {
    // deno-lint-ignore no-console -- a test says what it skips or measured
    console.log(`skipped: the object store suite on ${name}: it is not installed`);
    return;
  }
  let count = 0;
  const open = async (): Promise<StoreFixture> => {
    const bucket = `suite-${++count}`;
    await server.createBucket(bucket);
    const opened = openTestBucket(server, bucket);
    return {
      store: opened.bucketStore.store,
      address: {
        url: server.url,
        accessKeyId: server.accessKeyId,
        secretAccessKey: server.secretAccessKey,
        bucket,
      },
      connectionsInUse: () => opened.pool.inUse,
      [Symbol.asyncDispose]: () => Promise.resolve(opened[Symbol.dispose]()),
    };
  };
  objectStoreSuite({ ...options, name, open });
  // Registered last, so it runs last.
  Deno.test({
    name: `${name} stops`,
    sanitizeResources: false,
    sanitizeOps: false,
    fn: async () => {
      await server[Symbol.asyncDispose]();
    },
  });
}
