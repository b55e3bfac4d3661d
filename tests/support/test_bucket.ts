/** The product's own S3 client over a test server. */
import { HttpPool } from "../../src/net/http_pool.ts";
import {
  type BucketStore,
  type BucketStoreOptions,
  createBucketStore,
} from "../../src/s3/bucket_store.ts";

export interface TestBucket extends Disposable {
  readonly bucketStore: BucketStore;
  readonly pool: HttpPool;
}

/** Opens a bucket of `server` with its credentials. */
export function openTestBucket(
  server: { readonly url: string; readonly accessKeyId: string; readonly secretAccessKey: string },
  bucket: string,
  options: Partial<BucketStoreOptions> = {},
): TestBucket {
  const pool = new HttpPool({ maxConnections: 16 });
  const variables: Readonly<Record<string, string>> = {
    TEST_ID: server.accessKeyId,
    TEST_SECRET: server.secretAccessKey,
  };
  const bucketStore = createBucketStore({
    bucket,
    prefix: "",
    endpoint: server.url,
    credentials: { kind: "env", accessKeyIdEnv: "TEST_ID", secretAccessKeyEnv: "TEST_SECRET" },
    requesterPays: false,
    readEnv: (name) => variables[name],
    ...options,
  }, pool);
  return {
    bucketStore,
    pool,
    [Symbol.dispose]: () => {
      bucketStore.close();
      pool.close();
    },
  };
}
