import assert from "node:assert/strict";
import {
  calm,
  FakeBackend,
  fakeConfig,
  fakeMountConfig,
  NEVER,
} from "../../tests/daemon/fake_backend.ts";
import type { MountConfig } from "../config/types.ts";
import { ProblemError } from "../control/protocol.ts";
import { AccessDeniedError } from "../s3/errors.ts";
import { Supervisor } from "./supervisor.ts";

function setUp(mounts: readonly MountConfig[]) {
  const backend = new FakeBackend();
  const supervisor = new Supervisor(fakeConfig(mounts), backend, "1.2.3");
  return { backend, supervisor };
}

const states = (supervisor: Supervisor) =>
  Object.fromEntries(supervisor.status().mounts.map(({ name, state }) => [name, state]));

Deno.test("Supervisor starts the other mounts when one fails and one hangs", async () => {
  const { backend, supervisor } = setUp(
    ["good", "bad", "slow"].map((name) => fakeMountConfig(name)),
  );
  const slow = Promise.withResolvers<void>();
  backend.starts.set("bad", new Error("no such bucket"));
  backend.starts.set("slow", slow.promise);
  const started = supervisor.startAll();
  await supervisor.startMount("good", calm());
  assert.deepEqual(states(supervisor), { good: "mounted", bad: "failed", slow: "starting" });
  assert.equal(supervisor.health().healthy, false);
  slow.resolve();
  await started;
  assert.deepEqual(states(supervisor), { good: "mounted", bad: "failed", slow: "mounted" });
});

Deno.test("Supervisor leaves mounts alone that are disabled or not mounted by themselves", async () => {
  const { supervisor } = setUp([
    fakeMountConfig("a", { autoMount: false }),
    fakeMountConfig("b", { enabled: false }),
  ]);
  await supervisor.startAll();
  assert.deepEqual(states(supervisor), { a: "stopped", b: "stopped" });
  assert.equal(supervisor.health().healthy, true);
  await supervisor.startMount("a", calm());
  assert.deepEqual(states(supervisor), { a: "mounted", b: "stopped" });
});

Deno.test("Supervisor answers for an unknown mount with the names that exist", async () => {
  const { supervisor } = setUp([fakeMountConfig("photos")]);
  await assert.rejects(
    supervisor.startMount("fotos", calm()),
    (error: unknown) =>
      error instanceof ProblemError && error.problem.status === 404 &&
      error.problem.hint === "There are: photos",
  );
});

Deno.test("Supervisor tells why a mount did not start", async () => {
  const { backend, supervisor } = setUp([fakeMountConfig("photos")]);
  backend.starts.set(
    "photos",
    new AccessDeniedError("denied", { operation: "List", bucket: "photos", hint: "Log in" }),
  );
  await assert.rejects(
    supervisor.startMount("photos", calm()),
    (error: unknown) =>
      error instanceof ProblemError && error.problem.status === 502 &&
      error.problem.hint === "Log in" && /denied/.test(error.problem.detail),
  );
});

Deno.test("Supervisor's shutdown ends the daemon only when all mounts could be stopped", async () => {
  const { backend, supervisor } = setUp(["a", "b"].map((name) => fakeMountConfig(name)));
  await supervisor.startAll();
  const busy = backend.mounts.get("b")!;
  busy.drained = NEVER;
  busy.pendingFiles = 2;
  let ended = false;
  void supervisor.stopped.then(() => ended = true);
  await assert.rejects(
    supervisor.shutdown({ timeoutMs: 1, force: false }, calm()),
    (error: unknown) => error instanceof ProblemError && error.problem.status === 504,
  );
  assert.deepEqual(states(supervisor), { a: "stopped", b: "mounted" });
  assert.equal(ended, false);
  busy.drained = Promise.resolve();
  busy.pendingFiles = 0;
  assert.deepEqual(await supervisor.shutdown({ timeoutMs: 1000, force: false }, calm()), {
    stopped: true,
    pending: [],
  });
  await supervisor.stopped;
});

Deno.test("Supervisor's shutdown by force tells what stays in the journal", async () => {
  const { backend, supervisor } = setUp(["a", "b"].map((name) => fakeMountConfig(name)));
  await supervisor.startAll();
  backend.mounts.get("b")!.drained = NEVER;
  backend.mounts.get("b")!.pendingFiles = 1;
  const { pending } = await supervisor.shutdown({ timeoutMs: 1000, force: true }, calm());
  assert.deepEqual(pending.map(({ name, files, bytes }) => [name, files, bytes]), [["b", 1, 10]]);
});

Deno.test("Supervisor's end detaches what does not drain in time", async () => {
  const { backend, supervisor } = setUp(["a", "b", "c"].map((name) => fakeMountConfig(name)));
  backend.starts.set("c", NEVER);
  const started = supervisor.startAll();
  await supervisor.startMount("b", calm());
  backend.mounts.get("b")!.drained = NEVER;
  await supervisor.end(1, calm());
  await started;
  assert.deepEqual(states(supervisor), { a: "stopped", b: "stopped", c: "stopped" });
  assert.deepEqual(backend.mounts.get("a")!.unmounts, [{ force: false }]);
  assert.deepEqual(backend.mounts.get("b")!.unmounts, [{ force: true }]);
  assert.equal(backend.closed, true);
});

Deno.test("Supervisor's end does not wait once it is told to hurry", async () => {
  const { backend, supervisor } = setUp([fakeMountConfig("a")]);
  await supervisor.startAll();
  backend.mounts.get("a")!.drained = NEVER;
  const hurry = new AbortController();
  const ended = supervisor.end(3_600_000, hurry.signal);
  hurry.abort(new Error("second signal"));
  await ended;
  assert.deepEqual(backend.mounts.get("a")!.unmounts, [{ force: true }]);
});

Deno.test("Supervisor's end does not wait behind a patient stop once it is told to hurry", async () => {
  const { backend, supervisor } = setUp([fakeMountConfig("a")]);
  await supervisor.startAll();
  backend.mounts.get("a")!.drained = NEVER;
  const patient = supervisor.stopMount("a", { timeoutMs: 3_600_000, force: false }, calm());
  const hurry = new AbortController();
  const ended = supervisor.end(3_600_000, hurry.signal);
  hurry.abort(new Error("second signal"));
  await assert.rejects(patient);
  await ended;
  assert.deepEqual(backend.mounts.get("a")!.unmounts, [{ force: true }]);
});

Deno.test("Supervisor tells and clears what mounts have on disk, running or not", async () => {
  const { backend, supervisor } = setUp(["a", "b"].map((name) => fakeMountConfig(name)));
  backend.cached.set("a", 10);
  backend.cached.set("b", 5);
  await supervisor.startMount("b", calm());
  assert.deepEqual(supervisor.status().mounts.map(({ cache }) => cache.used_bytes), [10, 5]);
  assert.deepEqual(await supervisor.clearCache("a"), { freed_bytes: 10 });
  assert.deepEqual(await supervisor.clearCache(undefined), { freed_bytes: 5 });
  await assert.rejects(
    supervisor.clearCache("c"),
    (error: unknown) => error instanceof ProblemError && error.problem.status === 404,
  );
});
