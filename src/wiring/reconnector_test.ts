import assert from "node:assert/strict";
import { logger } from "../base/log.ts";
import type { IsDead } from "../net/http_exchange.ts";
import { FakeClock, settle } from "../../tests/support/fake_clock.ts";
import { Reconnector } from "./reconnector.ts";

const BEAT_MS = 5_000;

Deno.test("Reconnector drops connections, and has every mount probe once", async () => {
  const clock = new FakeClock(1_000_000);
  const done: string[] = [];
  let isDead: IsDead = () => false;
  let network = { fingerprint: "home", addresses: new Set(["192.0.2.1"]) };
  const reconnector = new Reconnector({
    pool: {
      dropIdleConnections: () => void done.push("drop"),
      breakExchanges: (given) => {
        isDead = given;
      },
    },
    clock,
    log: logger("test"),
    readNetwork: () => Promise.resolve(network),
    watchWaking: () => Promise.resolve(),
  });
  const mount = (name: string) => ({
    store: { keepFresh: () => void done.push(`fresh ${name}`) },
    monitor: { check: () => void done.push(`check ${name}`) },
    fileSystem: { expireNames: () => void done.push(`expire ${name}`) },
  });
  const one = reconnector.add(mount("one"));
  reconnector.add(mount("two"));
  await settle();
  await clock.advance(BEAT_MS);
  assert.deepEqual(done.splice(0), ["fresh one", "fresh two"]);

  network = { fingerprint: "train", addresses: new Set(["192.0.2.2"]) };
  await clock.advance(BEAT_MS);
  assert.deepEqual(done.splice(0), ["drop", "check one", "check two", "fresh one", "fresh two"]);
  // What goes from an address that is still there may go on.
  assert.deepEqual(["192.0.2.1", "192.0.2.2", undefined].map(isDead), [true, false, false]);

  one[Symbol.dispose]();
  clock.jump(8 * 3_600_000);
  await clock.advance(BEAT_MS);
  assert.deepEqual(done, ["drop", "check two", "expire two", "fresh two"]);
  assert.deepEqual(["192.0.2.2", undefined].map(isDead), [true, true]);
  await reconnector.close();
});
