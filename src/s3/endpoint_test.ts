import assert from "node:assert/strict";
import { BucketEndpoint } from "./endpoint.ts";

Deno.test("BucketEndpoint puts AWS buckets into the host name where that works", () => {
  const url = (bucket: string, more = {}) =>
    new BucketEndpoint({ bucket, region: "eu-central-1", ...more }).address("a b", "x=1").url;
  assert.equal(url("photos"), "https://photos.s3.eu-central-1.amazonaws.com/a%20b?x=1");
  assert.equal(url("my.photos"), "https://s3.eu-central-1.amazonaws.com/my.photos/a%20b?x=1");
  assert.equal(
    url("photos", { pathStyle: true }),
    "https://s3.eu-central-1.amazonaws.com/photos/a%20b?x=1",
  );
  assert.equal(
    url("photos", { region: "cn-north-1" }),
    "https://photos.s3.cn-north-1.amazonaws.com.cn/a%20b?x=1",
  );
});

Deno.test("BucketEndpoint puts buckets of other services into the path", () => {
  const url = (endpoint: string, more = {}) =>
    new BucketEndpoint({ bucket: "b", endpoint, ...more }).address("k", "").url;
  assert.equal(url("http://127.0.0.1:9000"), "http://127.0.0.1:9000/b/k");
  assert.equal(url("https://host/base/"), "https://host/base/b/k");
  assert.equal(
    new BucketEndpoint({ bucket: "bucket", endpoint: "https://host", pathStyle: false })
      .address("k", "").url,
    "https://bucket.host/k",
  );
});

Deno.test("BucketEndpoint addresses the bucket itself", () => {
  const aws = new BucketEndpoint({ bucket: "photos" });
  assert.equal(aws.address("", "list-type=2").path, "/");
  const other = new BucketEndpoint({ bucket: "b", endpoint: "http://h" });
  assert.equal(other.address("", "").path, "/b");
  assert.equal(other.address("/lead", "").path, "/b//lead");
});

Deno.test("BucketEndpoint follows a learned region on AWS endpoints, also configured ones", () => {
  for (const endpoint of [undefined, "https://s3.eu-west-1.amazonaws.com"]) {
    const place = new BucketEndpoint({
      bucket: "photos",
      ...(endpoint === undefined ? {} : { endpoint }),
    });
    assert.equal(place.region, endpoint === undefined ? "us-east-1" : "eu-west-1");
    place.learnRegion("ap-south-1");
    assert.equal(place.address("k", "").host, "photos.s3.ap-south-1.amazonaws.com");
  }
});

Deno.test("BucketEndpoint recognises services by host and by their answers", () => {
  const names: [string, string][] = [
    ["https://s3.amazonaws.com", "AWS"],
    ["https://abc.r2.cloudflarestorage.com", "Cloudflare R2"],
    ["https://s3.us-west-004.backblazeb2.com", "Backblaze B2"],
    ["https://storage.googleapis.com", "Google Cloud Storage"],
    ["https://s3.eu-central-1.wasabisys.com", "Wasabi"],
    ["http://127.0.0.1:9000", "S3-compatible"],
  ];
  for (const [endpoint, name] of names) {
    assert.equal(new BucketEndpoint({ bucket: "b", endpoint }).providerName, name);
  }
  const unknown = new BucketEndpoint({ bucket: "b", endpoint: "http://127.0.0.1:9000" });
  unknown.learnServer("nginx");
  assert.equal(unknown.providerName, "S3-compatible");
  unknown.learnServer("MinIO");
  assert.equal(unknown.providerName, "MinIO");
  const r2 = new BucketEndpoint({ bucket: "b", endpoint: "https://abc.r2.cloudflarestorage.com" });
  assert.equal(r2.region, "auto");
  r2.learnQuirks({ listVersion: 1 });
  assert.equal(r2.quirks.listVersion, 1);
});

Deno.test("BucketEndpoint refuses what is no web address", () => {
  for (const endpoint of ["localhost:9000", "s3://bucket", "", "ftp://host"]) {
    assert.throws(() => new BucketEndpoint({ bucket: "b", endpoint }), /http or https/);
  }
});

Deno.test("BucketEndpoint tells whether others could change what is sent there", () => {
  const isSafe = (endpoint?: string) =>
    new BucketEndpoint({ bucket: "b", ...(endpoint === undefined ? {} : { endpoint }) })
      .isSafeOnTheWay;
  for (const endpoint of [undefined, "https://h", "http://127.0.0.1:9000", "http://localhost"]) {
    assert.ok(isSafe(endpoint), endpoint);
  }
  assert.ok(isSafe("http://[::1]:9000"));
  for (const endpoint of ["http://h", "http://192.168.0.2:9000", "http://127.0.0.1.nip.io"]) {
    assert.ok(!isSafe(endpoint), endpoint);
  }
});
