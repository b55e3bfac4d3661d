import assert from "node:assert/strict";
import { calm, FakeBackend, fakeMountConfig, NEVER } from "../../tests/daemon/fake_backend.ts";
import { ProblemError } from "../control/protocol.ts";
import { BucketNotFoundError } from "../s3/errors.ts";
import { MountedBucket } from "./mounted_bucket.ts";

const PATIENT = { timeoutMs: 60_000, force: false };

function setUp(more: Parameters<typeof fakeMountConfig>[1] = {}) {
  const backend = new FakeBackend();
  const bucket = new MountedBucket(fakeMountConfig("photos", more), backend);
  const mount = () => backend.mounts.get("photos")!;
  return { backend, bucket, mount };
}

async function problemOf(work: Promise<unknown>): Promise<ProblemError["problem"]> {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof ProblemError, String(error));
    return error.problem;
  }
  assert.fail("it should have failed");
}

Deno.test("MountedBucket goes from stopped over starting to mounted, and back over draining", async () => {
  const { backend, bucket, mount } = setUp();
  const gate = Promise.withResolvers<void>();
  backend.starts.set("photos", gate.promise);
  assert.equal(bucket.state, "stopped");
  const started = bucket.start(calm());
  assert.equal(bucket.state, "starting");
  gate.resolve();
  await started;
  assert.equal(bucket.state, "mounted");
  const drain = Promise.withResolvers<void>();
  mount().drained = drain.promise;
  const stopped = bucket.stop(PATIENT, calm());
  assert.equal(bucket.state, "draining");
  drain.resolve();
  await stopped;
  assert.equal(bucket.state, "stopped");
  assert.deepEqual(mount().unmounts, [{ force: false }]);
});

Deno.test("MountedBucket starts once however often it is asked to", async () => {
  const { backend, bucket } = setUp();
  await Promise.all([bucket.start(calm()), bucket.start(calm())]);
  assert.equal(backend.startCount, 1);
});

Deno.test("MountedBucket is degraded as long as its mount reports trouble", async () => {
  const { bucket, mount } = setUp();
  await bucket.start(calm());
  mount().currentTrouble = { message: "S3 does not answer", hint: "Check the net", sinceMs: 0 };
  assert.equal(bucket.state, "degraded");
  assert.deepEqual(bucket.status().error, {
    message: "S3 does not answer",
    hint: "Check the net",
    since: "1970-01-01T00:00:00.000Z",
  });
  mount().currentTrouble = undefined;
  assert.equal(bucket.state, "mounted");
  assert.equal(bucket.status().error, null);
});

Deno.test("MountedBucket that cannot start is failed with the reason, and can start later", async () => {
  const { backend, bucket } = setUp();
  backend.starts.set(
    "photos",
    new BucketNotFoundError("no such bucket", {
      operation: "List",
      bucket: "photos",
      hint: "Create it",
    }),
  );
  await assert.rejects(bucket.start(calm()), /no such bucket/);
  assert.equal(bucket.state, "failed");
  assert.equal(bucket.status().error?.message, 'List bucket "photos": no such bucket');
  assert.equal(bucket.status().error?.hint, "Create it");
  backend.starts.delete("photos");
  await bucket.start(calm());
  assert.equal(bucket.state, "mounted");
});

Deno.test("MountedBucket is failed when its session breaks, and cleans up", async () => {
  const { bucket, mount } = setUp();
  await bucket.start(calm());
  const broken = mount();
  broken.end({ kind: "broken", error: new Error("the kernel closed the connection") });
  await broken.ended;
  await Promise.resolve();
  assert.equal(bucket.state, "failed");
  assert.match(bucket.status().error?.message ?? "", /kernel closed/);
  assert.deepEqual(broken.unmounts, [{ force: true }]);
});

Deno.test("MountedBucket is stopped, not failed, when somebody else unmounts it", async () => {
  const { bucket, mount } = setUp();
  await bucket.start(calm());
  mount().end({ kind: "unmounted" });
  await mount().ended;
  await Promise.resolve();
  assert.equal(bucket.state, "stopped");
  assert.equal(bucket.status().error, null);
});

Deno.test("MountedBucket stays mounted when draining takes too long, and says what is pending", async () => {
  const { bucket, mount } = setUp();
  await bucket.start(calm());
  mount().drained = NEVER;
  mount().pendingFiles = 3;
  const problem = await problemOf(bucket.stop({ timeoutMs: 1, force: false }, calm()));
  assert.equal(problem.status, 504);
  assert.deepEqual(problem.pending, [{
    name: "photos",
    files: 3,
    bytes: 30,
    oldest_seconds: 3,
    oldest_paths: ["file 0", "file 1", "file 2"],
    last_error: null,
  }]);
  assert.match(problem.hint ?? "", /--force: what is pending stays in the journal/);
  assert.equal(bucket.state, "mounted");
  assert.deepEqual(mount().unmounts, []);
});

Deno.test("MountedBucket does not drain when it is forced", async () => {
  const { bucket, mount } = setUp();
  await bucket.start(calm());
  mount().drained = NEVER;
  mount().busy = true;
  await bucket.stop({ timeoutMs: 60_000, force: true }, calm());
  assert.equal(bucket.state, "stopped");
  assert.deepEqual(mount().unmounts, [{ force: true }]);
});

Deno.test("MountedBucket that is in use stays mounted and tells who uses it", async () => {
  const { bucket, mount } = setUp();
  await bucket.start(calm());
  mount().busy = true;
  const problem = await problemOf(bucket.stop(PATIENT, calm()));
  assert.equal(problem.status, 409);
  assert.match(problem.detail, /less \(pid 42\)/);
  assert.equal(bucket.state, "mounted");
});

Deno.test("MountedBucket is mounted again when the one who stops it gives up", async () => {
  const { bucket, mount } = setUp();
  await bucket.start(calm());
  mount().drained = NEVER;
  const client = new AbortController();
  const stopped = bucket.stop(PATIENT, client.signal);
  client.abort(new Error("gone"));
  await assert.rejects(stopped, /gone/);
  assert.equal(bucket.state, "mounted");
});

Deno.test("MountedBucket that is stopped while it starts ends stopped", async () => {
  const { backend, bucket } = setUp();
  backend.starts.set("photos", NEVER);
  const started = bucket.start(calm());
  const stopped = bucket.stop(PATIENT, calm());
  await assert.rejects(started, /stopped while it started/);
  await stopped;
  assert.equal(bucket.state, "stopped");
});

Deno.test("MountedBucket refuses to start when the config disables it", async () => {
  const { bucket } = setUp({ enabled: false });
  assert.equal((await problemOf(bucket.start(calm()))).status, 409);
  assert.equal(bucket.state, "stopped");
});

Deno.test("MountedBucket flushes only what is mounted", async () => {
  const { bucket, mount } = setUp();
  assert.equal((await problemOf(bucket.flush(1000, calm()))).status, 409);
  await bucket.start(calm());
  await bucket.flush(1000, calm());
  mount().drained = Promise.reject(new Error("upload of a.txt was refused"));
  const problem = await problemOf(bucket.flush(1000, calm()));
  assert.equal(problem.status, 502);
  assert.match(problem.detail, /a\.txt was refused/);
});
