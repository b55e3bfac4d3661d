import assert from "node:assert/strict";
import { fakeMountConfig } from "../../tests/daemon/fake_backend.ts";
import { leftBehind } from "./left_behind.ts";
import { volumeOf } from "./volume_name.ts";

const COUNTS = [
  { volume: "http://s3.test/photos/2026/", kind: "change", count: 3 },
  { volume: "http://s3.test/photos/2026/", kind: "conflict", count: 9 },
];
const PHOTOS = { endpoint: "http://s3.test", bucket: "photos", prefix: "2026/" };

Deno.test("leftBehind names what waits for a bucket that no mount of the config has", () => {
  const others = [
    fakeMountConfig("all", { ...PHOTOS, prefix: "" }),
    fakeMountConfig("elsewhere", { ...PHOTOS, endpoint: "http://other.test" }),
  ];
  assert.deepEqual(leftBehind(COUNTS, others), [{
    volume: volumeOf(PHOTOS),
    line:
      '3 names changed in "http://s3.test/photos/2026/" (endpoint/bucket/prefix) and not in S3 ' +
      "yet: kept in the journal; to bring that to S3, add a [[mount]] of this endpoint, bucket and " +
      "prefix to the config",
  }]);
});

Deno.test("leftBehind says how a mount of the config that does not start by itself gets it to S3", () => {
  const lines = [{ autoMount: false }, { enabled: false }].map((more) => {
    const [first, ...rest] = leftBehind(COUNTS, [fakeMountConfig("p", { ...PHOTOS, ...more })]);
    assert.deepEqual(rest, []);
    return first!.line;
  });
  assert.match(lines[0]!, /; to bring that to S3: cloudmount mount p$/);
  assert.match(lines[1]!, /, set enabled = true for "p" in the config$/);
});

Deno.test("leftBehind leaves to a mount that starts what is its own, and conflicts to people", () => {
  assert.deepEqual(leftBehind(COUNTS, [fakeMountConfig("p", PHOTOS)]), []);
  assert.deepEqual(leftBehind(COUNTS.slice(1), []), []);
});
