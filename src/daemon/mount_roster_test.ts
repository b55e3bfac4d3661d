import assert from "node:assert/strict";
import {
  calm,
  FakeBackend,
  fakeConfig,
  fakeMountConfig,
  NEVER,
} from "../../tests/daemon/fake_backend.ts";
import { FakeClock, settle } from "../../tests/support/fake_clock.ts";
import type { Config, DaemonConfig, MountConfig } from "../config/types.ts";
import { MountRoster } from "./mount_roster.ts";

const config = (mounts: readonly MountConfig[], daemon?: Partial<DaemonConfig>) =>
  fakeConfig(mounts, "/nowhere", daemon);

const apply = async (roster: MountRoster, next: Config) => await (await roster.apply(next)).done;

async function setUp(...mounts: readonly MountConfig[]) {
  const backend = new FakeBackend();
  const clock = new FakeClock();
  const end = new AbortController();
  const roster = new MountRoster(config(mounts), backend, end.signal, clock);
  await Promise.all(roster.buckets.map((bucket) => bucket.start(calm())));
  backend.started.length = 0;
  const states = () =>
    Object.fromEntries(roster.buckets.map(({ config, state }) => [config.name, state]));
  return { backend, clock, roster, end, states };
}

Deno.test("Another config touches only those mounts whose settings have changed", async () => {
  const [a, b, c] = ["a", "b", "c"].map((name) => fakeMountConfig(name)) as [
    MountConfig,
    MountConfig,
    MountConfig,
  ];
  const { backend, roster, states } = await setUp(a, b, c);
  const untouched = backend.mounts.get("a")!;
  const told = await apply(
    roster,
    config([
      fakeMountConfig("d"),
      a,
      { ...c, readOnly: true },
      fakeMountConfig("e", {
        autoMount: false,
      }),
    ]),
  );
  assert.deepEqual(told, {
    added: ["d", "e"],
    changed: ["c"],
    removed: ["b"],
    restart_needed: [],
    not_applied: [],
  });
  assert.deepEqual(backend.started.sort(), ["c", "d"]);
  assert.deepEqual(untouched.unmounts, []);
  assert.deepEqual(Object.entries(states()), [
    ["d", "mounted"],
    ["a", "mounted"],
    ["c", "mounted"],
    ["e", "stopped"],
  ]);
  assert.equal(roster.find("c")!.config.readOnly, true);
});

Deno.test("Budgets and lifetimes change without unmounting", async () => {
  const a = fakeMountConfig("a");
  const { backend, roster } = await setUp(a);
  const told = await apply(roster, config([{ ...a, metadataTtlMs: 7 }], { memoryLimitBytes: 9 }));
  assert.deepEqual(told.changed, ["a"]);
  assert.deepEqual(backend.started, []);
  assert.deepEqual(backend.mounts.get("a")!.unmounts, []);
  assert.equal(backend.mounts.get("a")!.configs.at(-1)!.metadataTtlMs, 7);
  assert.equal(backend.configs.at(-1)!.daemon.memoryLimitBytes, 9);
});

Deno.test("What needs a restart of the daemon is told until it is taken back", async () => {
  const { roster } = await setUp();
  const told = await apply(roster, config([], { socket: "/elsewhere" }));
  assert.deepEqual(told.restart_needed, ["daemon.socket"]);
  assert.match(roster.unapplied().join(), /daemon\.socket.*cloudmount restart/);
  await apply(roster, config([]));
  assert.deepEqual(roster.unapplied(), []);
});

Deno.test("A busy mount goes on with its old settings until it is mounted again", async () => {
  const a = fakeMountConfig("a");
  const { backend, roster, states } = await setUp(a);
  backend.mounts.get("a")!.busy = true;
  const told = await apply(roster, config([{ ...a, bucket: "other" }]));
  assert.match(told.not_applied[0]!.message, /in use by less/);
  assert.deepEqual(states(), { a: "mounted" });
  assert.equal(roster.find("a")!.config.bucket, "a-bucket");
  assert.match(roster.unapplied().join(), /a goes on with its old settings/);
  backend.mounts.get("a")!.busy = false;
  await roster.find("a")!.stop({ timeoutMs: 1, force: false }, calm());
  await roster.find("a")!.start(calm());
  assert.equal(roster.find("a")!.config.bucket, "other");
  assert.deepEqual(roster.unapplied(), []);
});

Deno.test("Settings that are taken back before they could apply are forgotten", async () => {
  const a = fakeMountConfig("a");
  const { backend, roster } = await setUp(a);
  backend.mounts.get("a")!.busy = true;
  await apply(roster, config([{ ...a, bucket: "other" }]));
  await apply(roster, config([a]));
  assert.deepEqual(roster.unapplied(), []);
  assert.deepEqual(backend.started, []);
});

Deno.test("A removed mount stays until it is drained, holds up nobody, and can come back", async () => {
  const a = fakeMountConfig("a");
  const { backend, clock, roster, states } = await setUp(a, fakeMountConfig("b"));
  const mount = backend.mounts.get("a")!;
  mount.busy = true;
  await apply(roster, config([fakeMountConfig("c"), fakeMountConfig("b")]));
  assert.deepEqual(states(), { c: "mounted", b: "mounted", a: "draining" });
  assert.match(roster.find("a")!.status().error!.message, /does not list it any more/);
  mount.busy = false;
  await clock.advance(5_000);
  await settle();
  assert.deepEqual(states(), { c: "mounted", b: "mounted" });

  backend.mounts.get("b")!.busy = true;
  await apply(roster, config([fakeMountConfig("c")]));
  assert.deepEqual(states(), { c: "mounted", b: "draining" });
  await apply(roster, config([fakeMountConfig("b"), fakeMountConfig("c")]));
  assert.deepEqual(states(), { b: "mounted", c: "mounted" });
  assert.deepEqual(backend.started, ["c"]);
});

Deno.test("A mount that comes back while it is drained is mounted again", async () => {
  const { backend, roster, states } = await setUp(fakeMountConfig("a"));
  const drained = Promise.withResolvers<void>();
  backend.mounts.get("a")!.drained = drained.promise;
  const removing = apply(roster, config([]));
  await settle();
  assert.deepEqual(states(), { a: "draining" });
  const adding = apply(roster, config([fakeMountConfig("a")]));
  await settle();
  drained.resolve();
  await Promise.all([removing, adding]);
  assert.deepEqual(states(), { a: "mounted" });
});

Deno.test("While a mount is drained for other settings others come, and the last settings hold", async () => {
  const a = fakeMountConfig("a");
  const { backend, roster, states } = await setUp(a);
  const drained = Promise.withResolvers<void>();
  backend.mounts.get("a")!.drained = drained.promise;
  const moved = { ...a, bucket: "two" };
  const first = await roster.apply(config([moved]));
  const second = await roster.apply(config([moved, fakeMountConfig("b")]));
  assert.equal(await second.outcomes.get("b"), undefined);
  assert.deepEqual(states(), { a: "draining", b: "mounted" });
  const third = await roster.apply(config([{ ...a, bucket: "three" }]));
  drained.resolve();
  await Promise.all([first.done, second.done, third.done]);
  assert.deepEqual(states(), { a: "mounted" });
  assert.equal(roster.find("a")!.config.bucket, "three");
  assert.deepEqual(backend.started, ["b", "a"]);
});

Deno.test("A mount waits for the place of one that was told to go before", async () => {
  const a = fakeMountConfig("a");
  const { backend, roster, states } = await setUp(a);
  const drained = Promise.withResolvers<void>();
  backend.mounts.get("a")!.drained = drained.promise;
  const first = await roster.apply(config([]));
  const second = await roster.apply(config([fakeMountConfig("b", { mountPoint: a.mountPoint })]));
  await settle();
  assert.deepEqual(backend.started, []);
  drained.resolve();
  await Promise.all([first.done, second.done]);
  assert.deepEqual(states(), { b: "mounted" });
});

Deno.test("A mount that is removed while it waits for its place is never started", async () => {
  const a = fakeMountConfig("a");
  const { backend, roster, states } = await setUp(a);
  const drained = Promise.withResolvers<void>();
  backend.mounts.get("a")!.drained = drained.promise;
  const heir = fakeMountConfig("heir", { mountPoint: a.mountPoint });
  const first = await roster.apply(config([heir]));
  const second = await roster.apply(config([]));
  drained.resolve();
  await Promise.all([first.done, second.done]);
  assert.deepEqual(states(), {});
  assert.deepEqual(backend.started, []);
});

Deno.test("A mount that somebody unmounts just now is not mounted again for other settings", async () => {
  const a = fakeMountConfig("a");
  const { backend, roster, states } = await setUp(a);
  const drained = Promise.withResolvers<void>();
  backend.mounts.get("a")!.drained = drained.promise;
  const unmounting = roster.find("a")!.stop({ timeoutMs: 60_000, force: false }, calm());
  const applying = apply(roster, config([{ ...a, readOnly: true }]));
  await settle();
  drained.resolve();
  await Promise.all([unmounting, applying]);
  assert.deepEqual(states(), { a: "stopped" });
  assert.equal(roster.find("a")!.config.readOnly, true);
});

Deno.test("A mount that takes over the place of another one waits for that, others do not", async () => {
  const a = fakeMountConfig("a");
  const { backend, roster, states } = await setUp(a, fakeMountConfig("b"));
  const drained = Promise.withResolvers<void>();
  backend.mounts.get("a")!.drained = drained.promise;
  const applied = apply(
    roster,
    config([
      fakeMountConfig("b", { readOnly: true }),
      fakeMountConfig("heir", { mountPoint: a.mountPoint }),
    ]),
  );
  await settle();
  assert.deepEqual(states(), { a: "draining", b: "mounted", heir: "stopped" });
  assert.deepEqual(backend.started, ["b"]);
  drained.resolve();
  await applied;
  assert.deepEqual(states(), { b: "mounted", heir: "mounted" });
});

Deno.test("Uploads are finished before a mount goes to another bucket, not before it is renamed", async () => {
  const a = fakeMountConfig("a");
  const { backend, roster, states } = await setUp(a);
  backend.mounts.get("a")!.drained = NEVER;
  await apply(roster, config([fakeMountConfig("z", { ...a, name: "z" })]));
  assert.deepEqual(states(), { z: "mounted" });
  backend.mounts.get("z")!.drained = Promise.reject(new Error("S3 is away"));
  const told = await apply(roster, config([{ ...a, name: "z", bucket: "other" }]));
  assert.match(told.not_applied[0]!.message, /S3 is away/);
  assert.deepEqual(states(), { z: "mounted" });
});

Deno.test("A failed mount is tried again with other settings; a disabled one goes", async () => {
  const a = fakeMountConfig("a");
  const { backend, roster, states } = await setUp();
  backend.starts.set("a", new Error("no such bucket"));
  const told = await apply(roster, config([a]));
  assert.match(told.not_applied[0]!.message, /no such bucket/);
  assert.deepEqual(states(), { a: "failed" });
  backend.starts.clear();
  await apply(roster, config([{ ...a, bucket: "right" }]));
  assert.deepEqual(states(), { a: "mounted" });
  await apply(roster, config([{ ...a, bucket: "right", enabled: false }]));
  assert.deepEqual(states(), { a: "stopped" });
  assert.equal(roster.find("a")!.config.enabled, false);
  await apply(roster, config([{ ...a, bucket: "right" }]));
  assert.deepEqual(states(), { a: "mounted" });
});

Deno.test("Counters of a mount go on over a new start", async () => {
  const a = fakeMountConfig("a");
  const { backend, roster } = await setUp(a);
  const counts = () => roster.find("a")!.status().requests.get;
  backend.mounts.get("a")!.gets = 3;
  assert.equal(counts(), 3);
  await apply(roster, config([{ ...a, readOnly: true }]));
  assert.equal(counts(), 3);
  backend.mounts.get("a")!.gets = 2;
  assert.equal(counts(), 5);
});
