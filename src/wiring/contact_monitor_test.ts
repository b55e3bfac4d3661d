import assert from "node:assert/strict";
import type { Clock } from "../base/clock.ts";
import { logger } from "../base/log.ts";
import {
  AccessDeniedError,
  BucketNotFoundError,
  NotFoundError,
  SignedOutError,
  type StoreError,
  TransportError,
} from "../s3/errors.ts";
import type { ObjectInfo, ObjectStore } from "../s3/object_store.ts";
import { ContactMonitor } from "./contact_monitor.ts";

const DETAILS = { operation: "ListObjectsV2", bucket: "b", hint: "Check the network" };
const REFUSED_CONNECTION = new TransportError("connection refused", DETAILS);

const INFO = {} as ObjectInfo;

const SILENCE_MS = 3_000;

/** A store whose probe and HEAD fail with what the test says; the rest is not called. */
class StubStore {
  failure: StoreError | undefined;
  probes = 0;
  sinceContactMs = 0;
  hasNewCredentials = false;
  regained = 0;
  /** HEADs succeed. */
  isThere = false;
  /** HEADs hang until it resolves. */
  gate: Promise<void> | undefined;

  probe(): Promise<void> {
    this.probes++;
    return this.failure === undefined ? Promise.resolve() : Promise.reject(this.failure);
  }

  async head(): Promise<ObjectInfo> {
    await this.gate;
    if (this.isThere) return INFO;
    return Promise.reject(this.failure ?? new NotFoundError("gone", DETAILS));
  }
}

/** A clock whose sleepers wake when the test says so. */
class StepClock implements Clock {
  readonly sleeps: { ms: number; wake: () => void }[] = [];
  /** Those between probes. */
  get pauses() {
    return this.sleeps.filter(({ ms }) => ms !== SILENCE_MS);
  }
  passedMs = 0;
  nowMs = () => 1_000_000 + this.passedMs;
  monotonicMs = () => this.passedMs;
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
      this.sleeps.push({ ms, wake: resolve });
    });
  }
}

function setUp() {
  const stub = new StubStore();
  const clock = new StepClock();
  const store = stub as Partial<ObjectStore> as ObjectStore;
  const monitor = new ContactMonitor({
    probe: () => stub.probe(),
    sinceContactMs: () => stub.sinceContactMs,
    hasNewCredentials: () => Promise.resolve(stub.hasNewCredentials),
    onRegained: () => stub.regained++,
    clock,
    log: logger("test"),
    random: () => 1,
  });
  return { stub, store, clock, monitor };
}

/** Lets everything that can run now run. */
const settle = () => new Promise((resolve) => setTimeout(resolve));

Deno.test("ContactMonitor reports an endpoint that cannot be reached until a probe succeeds", async () => {
  const { stub, store, clock, monitor } = setUp();
  stub.failure = REFUSED_CONNECTION;
  await assert.rejects(
    monitor.watched(store).head("k", new AbortController().signal),
    TransportError,
  );
  await settle();
  assert.match(monitor.trouble?.message ?? "", /connection refused/);
  assert.equal(monitor.trouble?.hint, "Check the network");
  assert.equal(monitor.trouble?.sinceMs, 1_000_000);
  assert.equal(monitor.isAway, true);
  clock.pauses[0]!.wake();
  await settle();
  assert.ok(monitor.trouble !== undefined);
  stub.failure = undefined;
  clock.pauses[1]!.wake();
  await settle();
  assert.equal(monitor.trouble, undefined);
  assert.equal(monitor.isAway, false);
  assert.equal(clock.pauses.length, 2);
  assert.equal(stub.regained, 1);
  assert.equal(monitor.timesRegained, 1);
  await monitor.close();
});

Deno.test("ContactMonitor probes at growing intervals, and one probe at a time", async () => {
  const { stub, clock, monitor } = setUp();
  stub.failure = REFUSED_CONNECTION;
  monitor.suspect(REFUSED_CONNECTION);
  monitor.suspect(REFUSED_CONNECTION);
  for (let round = 0; round < 8; round++) {
    await settle();
    assert.equal(stub.probes, round + 1);
    clock.pauses[round]!.wake();
  }
  await settle();
  assert.deepEqual(clock.pauses.map(({ ms }) => ms), [
    1000,
    2000,
    4000,
    8000,
    16000,
    32000,
    60000,
    60000,
    60000,
  ]);
  await monitor.close();
});

Deno.test("ContactMonitor is not bothered by what concerns one object only", async () => {
  const { stub, store, monitor } = setUp();
  await assert.rejects(
    monitor.watched(store).head("k", new AbortController().signal),
    NotFoundError,
  );
  await settle();
  assert.equal(stub.probes, 0);
  assert.equal(monitor.trouble, undefined);
});

Deno.test("ContactMonitor asks again when access is denied, and believes the answer", async () => {
  const { stub, monitor } = setUp();
  monitor.suspect(new AccessDeniedError("this key is not for you", DETAILS));
  await settle();
  assert.equal(stub.probes, 1);
  assert.equal(monitor.trouble, undefined);
});

Deno.test("ContactMonitor minds an operation that timed out, not one that was called off", async () => {
  const { stub, store, monitor } = setUp();
  const calledOff = AbortSignal.abort(new Error("interrupted"));
  stub.failure = REFUSED_CONNECTION;
  await assert.rejects(monitor.watched(store).head("k", calledOff));
  await settle();
  assert.equal(stub.probes, 0);
  const timedOut = AbortSignal.abort(new DOMException("too late", "TimeoutError"));
  await assert.rejects(monitor.watched(store).head("k", timedOut));
  await settle();
  assert.equal(stub.probes, 1);
  await monitor.close();
});

Deno.test("ContactMonitor's greeting tells a refusal, and does not ask again", async () => {
  const { stub, monitor } = setUp();
  stub.failure = new BucketNotFoundError("no such bucket", DETAILS);
  assert.equal(await monitor.greet(), stub.failure);
  await settle();
  assert.equal(stub.probes, 1);
});

Deno.test("ContactMonitor's greeting can be another question than its probe", async () => {
  const { stub, monitor } = setUp();
  assert.equal(await monitor.greet(() => Promise.resolve()), undefined);
  const refusal = new BucketNotFoundError("no such bucket", DETAILS);
  assert.equal(await monitor.greet(() => Promise.reject(refusal)), refusal);
  assert.equal(stub.probes, 0);
});

Deno.test("ContactMonitor's greeting that is not answered is trouble, and asking goes on", async () => {
  const { stub, clock, monitor } = setUp();
  stub.failure = REFUSED_CONNECTION;
  assert.equal(await monitor.greet(), undefined);
  assert.match(monitor.trouble?.message ?? "", /connection refused/);
  await settle();
  assert.equal(clock.pauses.length, 1);
  await monitor.close();
});

Deno.test("ContactMonitor suspects an endpoint that is silent while an operation waits", async () => {
  const { stub, store, clock, monitor } = setUp();
  const gate = Promise.withResolvers<void>();
  stub.gate = gate.promise;
  const waiting = monitor.watched(store).head("k", new AbortController().signal);
  const silence = () => clock.sleeps.findLast(({ ms }) => ms === SILENCE_MS)!;
  stub.sinceContactMs = SILENCE_MS - 1;
  silence().wake();
  await settle();
  assert.equal(stub.probes, 0);
  stub.sinceContactMs = SILENCE_MS;
  silence().wake();
  await settle();
  assert.equal(stub.probes, 1);
  gate.resolve();
  await assert.rejects(waiting, NotFoundError);
  await monitor.close();
});

Deno.test("ContactMonitor probes at once, and often again, when the network has changed", async () => {
  const { stub, clock, monitor } = setUp();
  monitor.check();
  await settle();
  assert.equal(stub.probes, 1);
  assert.equal(stub.regained, 0); // nothing was lost
  stub.failure = REFUSED_CONNECTION;
  monitor.suspect(REFUSED_CONNECTION);
  for (let round = 0; round < 4; round++) {
    await settle();
    clock.pauses[round]!.wake();
  }
  await settle();
  assert.equal(stub.probes, 6);
  monitor.check();
  await settle();
  assert.equal(stub.probes, 7);
  assert.equal(clock.pauses.at(-1)?.ms, 1000);
  stub.failure = undefined;
  monitor.check();
  await settle();
  assert.equal(monitor.trouble, undefined);
  assert.equal(stub.regained, 1);
  await monitor.close();
});

Deno.test("ContactMonitor takes an operation that succeeds for a reason to probe, once a second", async () => {
  const { stub, store, clock, monitor } = setUp();
  stub.failure = REFUSED_CONNECTION;
  stub.isThere = true;
  monitor.suspect(REFUSED_CONNECTION);
  await settle();
  const head = () => monitor.watched(store).head("k", new AbortController().signal);
  await head();
  await settle();
  assert.equal(stub.probes, 1);
  clock.passedMs = 1000;
  for (let i = 0; i < 3; i++) await head();
  await settle();
  assert.equal(stub.probes, 2);
  await monitor.close();
});

Deno.test("ContactMonitor tries new credentials at once when it was refused", async () => {
  const { stub, clock, monitor } = setUp();
  stub.failure = new SignedOutError("the session has expired", { ...DETAILS, hint: "Sign in" });
  assert.equal(await monitor.greet(), undefined); // not a reason not to mount
  await settle();
  assert.equal(monitor.trouble?.hint, "Sign in");
  assert.equal(monitor.isAway, false, "it has answered");
  for (let round = 0; round < 3; round++) {
    clock.pauses.at(-1)!.wake();
    await settle();
  }
  assert.deepEqual(clock.pauses.map(({ ms }) => ms), [1000, 2000, 2000, 2000]);
  const { probes } = stub;
  stub.hasNewCredentials = true;
  stub.failure = undefined;
  clock.pauses.at(-1)!.wake();
  await settle();
  assert.equal(stub.probes, probes + 1);
  assert.equal(monitor.trouble, undefined);
});
