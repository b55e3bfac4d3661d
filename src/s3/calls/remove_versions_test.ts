import assert from "node:assert/strict";
import { startTestServer, type TestServer } from "../../../tests/support/serve_s3_fixture.ts";
import { HttpPool } from "../../net/http_pool.ts";
import { createBucketStore } from "../bucket_store.ts";

const calm = new AbortController().signal;

async function versionedKeys(server: TestServer): Promise<string[]> {
  return (await server.send("GET", "/bkt?versions")).all("Key");
}

Deno.test("What was made and deleted in a bucket with versions can be removed for good", async () => {
  await using server = await startTestServer();
  const body = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
  assert.equal((await server.send("PUT", "/bkt?versioning", { body })).status, 200);
  const pool = new HttpPool({ maxConnections: 2 });
  const bucket = createBucketStore({
    bucket: "bkt",
    prefix: "photos/",
    endpoint: server.server.url,
    credentials: { kind: "anonymous" },
    requesterPays: false,
    readEnv: () => undefined,
  }, pool);
  try {
    const { store } = bucket;
    for (const key of ["kept", "probe-1", "probe-1", "probe-é &"]) {
      assert.notEqual((await store.put(key, new Uint8Array(1), {}, calm)).versionId, undefined);
    }
    await store.delete("probe-1", calm);
    assert.equal((await versionedKeys(server)).length, 5);
    assert.equal(await bucket.removeVersions("probe-", calm), 4);
    assert.deepEqual(await versionedKeys(server), ["photos/kept"]);
    assert.equal(await bucket.removeVersions("probe-", calm), 0);
  } finally {
    bucket.close();
    pool.close();
  }
});
