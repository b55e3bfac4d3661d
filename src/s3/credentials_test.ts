import assert from "node:assert/strict";
import { FakeClock } from "../../tests/support/fake_clock.ts";
import {
  type Credentials,
  CredentialsCache,
  CredentialsError,
  credentialsLoader,
} from "./credentials.ts";

const NEVER = new AbortController().signal;
const MINUTE_MS = 60_000;

function numbered(
  clock: FakeClock,
  lifeMs: number,
): { load: () => Promise<Credentials>; count: () => number } {
  let count = 0;
  return {
    load: () =>
      Promise.resolve({
        accessKeyId: `id${++count}`,
        secretAccessKey: "secret",
        expireAtMs: clock.nowMs() + lifeMs,
      }),
    count: () => count,
  };
}

Deno.test("CredentialsCache searches once for many requests", async () => {
  const clock = new FakeClock();
  const source = numbered(clock, 60 * MINUTE_MS);
  const cache = new CredentialsCache(source.load, clock);
  const all = await Promise.all(Array.from({ length: 9 }, () => cache.get(NEVER)));
  assert.equal(new Set(all).size, 1);
  await cache.get(NEVER);
  assert.equal(source.count(), 1);
  assert.equal(cache.expireAtMs, 60 * MINUTE_MS);
});

Deno.test("CredentialsCache renews in the background before they expire, and waits after", async () => {
  const clock = new FakeClock();
  const source = numbered(clock, 60 * MINUTE_MS);
  const cache = new CredentialsCache(source.load, clock);
  await cache.get(NEVER);
  await clock.advance(56 * MINUTE_MS);
  assert.equal((await cache.get(NEVER)).accessKeyId, "id1");
  await clock.advance(0);
  assert.equal((await cache.get(NEVER)).accessKeyId, "id2");
  await clock.advance(60 * MINUTE_MS);
  assert.equal((await cache.get(NEVER)).accessKeyId, "id3");
});

Deno.test("CredentialsCache goes on with the old ones while renewing fails", async () => {
  const clock = new FakeClock();
  const source = numbered(clock, 60 * MINUTE_MS);
  let isDown = false;
  const load = () => isDown ? Promise.reject(new CredentialsError("offline")) : source.load();
  const cache = new CredentialsCache(load, clock);
  await cache.get(NEVER);
  isDown = true;
  await clock.advance(56 * MINUTE_MS);
  assert.equal((await cache.get(NEVER)).accessKeyId, "id1");
  await clock.advance(5 * MINUTE_MS);
  await assert.rejects(cache.get(NEVER), /offline/);
});

Deno.test("CredentialsCache does not ask a failing source for every request", async () => {
  const clock = new FakeClock();
  let count = 0;
  const cache = new CredentialsCache(() => {
    count++;
    return Promise.reject(new CredentialsError("none"));
  }, clock);
  for (let i = 0; i < 5; i++) await assert.rejects(cache.get(NEVER), /none/);
  assert.equal(count, 1);
  await clock.advance(5_000);
  await assert.rejects(cache.get(NEVER), /none/);
  assert.equal(count, 2);
});

Deno.test("CredentialsCache looks again for what S3 refused, once for all who were refused", async () => {
  const clock = new FakeClock();
  const source = numbered(clock, 60 * MINUTE_MS);
  const cache = new CredentialsCache(source.load, clock);
  const first = await cache.get(NEVER);
  const all = await Promise.all([1, 2, 3].map(() => cache.renew(first, true, NEVER)));
  assert.deepEqual(all, [true, true, true]);
  const second = await cache.get(NEVER);
  assert.equal(second.accessKeyId, "id2");
  assert.equal(await cache.renew(first, true, NEVER), true); // late news about old ones
  assert.equal(await cache.get(NEVER), second);
  assert.equal(source.count(), 2);
});

Deno.test("CredentialsCache does not ask for every refusal while the source has the same ones", async () => {
  const clock = new FakeClock();
  let count = 0;
  let id = "old";
  const load = () => {
    count++;
    return Promise.resolve({ accessKeyId: id, secretAccessKey: "secret" });
  };
  const cache = new CredentialsCache(load, clock, () => Promise.resolve(id));
  const old = await cache.get(NEVER);
  for (let i = 0; i < 5; i++) assert.equal(await cache.renew(old, true, NEVER), false);
  assert.equal(count, 2);
  await clock.advance(5_000);
  assert.equal(await cache.renew(old, true, NEVER), false);
  // Of a refusal that may have other reasons it is asked less often.
  await clock.advance(50_000);
  assert.equal(await cache.renew(old, false, NEVER), false);
  assert.equal(count, 3);
  // Unless the source has changed.
  assert.equal(await cache.hasNewSource(), false);
  id = "new";
  assert.equal(await cache.hasNewSource(), true);
  assert.equal(await cache.renew(old, false, NEVER), true);
  assert.equal((await cache.get(NEVER)).accessKeyId, "new");
});

Deno.test("CredentialsCache keeps them fresh unasked, and warns when that fails", async () => {
  const clock = new FakeClock();
  const source = numbered(clock, 60 * MINUTE_MS);
  let isDown = false;
  const load = () => isDown ? Promise.reject(new CredentialsError("no network")) : source.load();
  const cache = new CredentialsCache(load, clock);
  cache.keepFresh();
  assert.equal(source.count(), 0); // nobody needed any yet
  await cache.get(NEVER);
  await clock.advance(56 * MINUTE_MS);
  cache.keepFresh();
  await clock.advance(0);
  assert.equal(source.count(), 2);
  assert.equal(cache.warning, undefined);
  isDown = true;
  await clock.advance(56 * MINUTE_MS);
  cache.keepFresh();
  await clock.advance(0);
  const expiry = new Date(116 * MINUTE_MS).toISOString();
  assert.equal(
    cache.warning,
    `The credentials expire at ${expiry} and cannot be renewed: no network`,
  );
  // Over 8 hours of sleep.
  clock.jump(480 * MINUTE_MS);
  assert.match(cache.warning ?? "", /have expired/);
  isDown = false;
  await clock.advance(30_000);
  cache.keepFresh();
  await clock.advance(0);
  assert.equal(cache.warning, undefined);
});

Deno.test("CredentialsCache rejects with the reason of the signal", async () => {
  const cache = new CredentialsCache(() => new Promise(() => {}), new FakeClock());
  const controller = new AbortController();
  const waiting = cache.get(controller.signal);
  controller.abort(new Error("enough"));
  await assert.rejects(waiting, /enough/);
});

Deno.test("credentialsLoader reads two variables by name and names the missing one", async () => {
  const options = {
    kind: "env",
    accessKeyIdEnv: "MY_ID",
    secretAccessKeyEnv: "MY_SECRET",
  } as const;
  const values: Record<string, string> = { MY_ID: "id" };
  const load = credentialsLoader(options, undefined, (name) => values[name])!;
  await assert.rejects(load(), /MY_SECRET is not set/);
  values["MY_SECRET"] = "secret";
  assert.deepEqual(await load(), { accessKeyId: "id", secretAccessKey: "secret" });
  assert.equal(credentialsLoader({ kind: "anonymous" }, undefined, () => "x"), undefined);
});

Deno.test("credentialsLoader takes the AWS variables, with the session", async () => {
  const values: Record<string, string> = {
    AWS_ACCESS_KEY_ID: "id",
    AWS_SECRET_ACCESS_KEY: "secret",
    AWS_SESSION_TOKEN: "token",
  };
  const load = credentialsLoader({ kind: "chain" }, undefined, (name) => values[name])!;
  assert.deepEqual(await load(), {
    accessKeyId: "id",
    secretAccessKey: "secret",
    sessionToken: "token",
  });
});

Deno.test("credentialsLoader runs the chain of a profile, to its expiry", async () => {
  const directory = await Deno.makeTempDir({ prefix: "cloudmount-test-credentials-" });
  const before = Deno.env.get("AWS_CONFIG_FILE");
  try {
    const script = `${directory}/print.sh`;
    const printed = JSON.stringify({
      Version: 1,
      AccessKeyId: "id",
      SecretAccessKey: "secret",
      SessionToken: "token",
      Expiration: "2030-01-01T00:00:00Z",
    });
    await Deno.writeTextFile(script, `#!/bin/sh\necho '${printed}'\n`, { mode: 0o755 });
    await Deno.writeTextFile(
      `${directory}/config`,
      `[profile from-process]\ncredential_process = ${script}\n[profile empty]\nregion = x\n`,
    );
    Deno.env.set("AWS_CONFIG_FILE", `${directory}/config`);
    const chain = (profile: string) =>
      credentialsLoader({ kind: "chain" }, profile, () => undefined)!();
    assert.deepEqual(await chain("from-process"), {
      accessKeyId: "id",
      secretAccessKey: "secret",
      sessionToken: "token",
      expireAtMs: Date.UTC(2030, 0, 1),
    });
    // Rotated: the file is read again.
    await Deno.writeTextFile(script, `#!/bin/sh\necho '${printed.replace('"id"', '"id2"')}'\n`);
    const moved = `${directory}/moved.sh`;
    await Deno.rename(script, moved);
    await Deno.writeTextFile(
      `${directory}/config`,
      `[profile from-process]\ncredential_process = ${moved}\n`,
    );
    assert.equal((await chain("from-process")).accessKeyId, "id2");
    await assert.rejects(chain("missing"), (error) => {
      assert.ok(error instanceof CredentialsError);
      assert.match(error.message, /profile "missing" gave no credentials/);
      return true;
    });
  } finally {
    if (before === undefined) Deno.env.delete("AWS_CONFIG_FILE");
    else Deno.env.set("AWS_CONFIG_FILE", before);
    await Deno.remove(directory, { recursive: true });
  }
});
