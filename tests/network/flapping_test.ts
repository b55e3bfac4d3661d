/**
 * A day on bad networks, in time that is simulated: the bucket comes and goes, the machine sleeps now and
 * then, and programs read and write all the while.
 */
import assert from "node:assert/strict";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Alarms } from "../../src/base/alarms.ts";
import { giveWay } from "../../src/base/clock.ts";
import { logger } from "../../src/base/log.ts";
import { TransportError } from "../../src/s3/errors.ts";
import { Retrier } from "../../src/s3/retrier.ts";
import { MemoryStore } from "../../src/s3/stores/memory.ts";
import { RetryingStore } from "../../src/s3/stores/retrying.ts";
import { errnoOf } from "../../src/vfs/errno_map.ts";
import { ContactMonitor } from "../../src/wiring/contact_monitor.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { MemoryVolume, until } from "../support/memory_volume.ts";
import { printNote } from "../support/mount_programs.ts";
import { type SeededRandom, withSeed } from "../support/seeded_random.ts";

/** A day behind test:network; a part of one otherwise. */
const HOURS = Number(Deno.env.get("CLOUDMOUNT_FLAPPING_HOURS") ?? 2);
const STEP_MS = 500;
/** Of a phase in which the bucket is there, or is not, drawn anew for each: often short, seldom long. */
const PHASES_MS = [1_000, 3_000, 10_000, 60_000, 600_000];
const FILES = 40;
/** The longest that a change waits for its next attempt once the bucket is there for good. */
const BACK_MS = 130_000;
/** Of memory after the first tenth of the time, when all caches are as full as they get. */
const MORE_BYTES_MAX = 24 * 2 ** 20;

Deno.test(`${HOURS} hours of a bucket that comes and goes lose nothing and leave nothing behind`, () =>
  withSeed(async (random) => {
    const day = new Day(random);
    await using _ = day;
    const steps = HOURS * 3_600_000 / STEP_MS;
    let before: Usage | undefined;
    for (let step = 0; step < steps; step++) {
      await day.step();
      if (step === Math.floor(steps / 10)) before = usage();
    }
    await day.end();
    const after = usage();
    await printNote(
      `${HOURS} h: ${day.outages} outages, ${day.sleeps} times asleep, ${day.writes} writes, ` +
        `${day.reads} reads, ${day.errors} of them in vain; descriptors ${
          before!.descriptors
        } to ` +
        `${after.descriptors}, heap ${mib(before!.heapBytes)} to ${mib(after.heapBytes)} MiB`,
    );
    assert.ok(after.descriptors <= before!.descriptors + FILES, "descriptors are left behind");
    assert.ok(after.heapBytes <= before!.heapBytes + MORE_BYTES_MAX, "memory is left behind");
  }));

class Day implements AsyncDisposable {
  readonly #random: SeededRandom;
  readonly #clock = new FakeClock(Date.UTC(2026, 0, 1));
  readonly #store = new MemoryStore({ nowMs: () => this.#clock.nowMs() });
  readonly #monitor: ContactMonitor;
  readonly #volume: MemoryVolume;
  readonly #alarms = new Alarms(this.#clock);
  /** What was acknowledged last, by path. */
  readonly #written = new Map<string, string>();
  /** Under way, and of what. */
  readonly #running = new Set<Promise<void>>();
  readonly #writing = new Set<string>();
  #failure: unknown;
  #isDown = false;
  #phaseEndsMs = 0;
  #contactMs = 0;
  #count = 0;
  outages = 0;
  sleeps = 0;
  writes = 0;
  reads = 0;
  errors = 0;

  constructor(random: SeededRandom) {
    this.#random = random;
    const clock = this.#clock;
    this.#store.hook = () => {
      if (this.#isDown) {
        throw new TransportError("no route", { operation: "any", bucket: "bucket" });
      }
      this.#contactMs = clock.monotonicMs();
    };
    const retrier = new Retrier({
      clock,
      alarms: this.#alarms,
      totalMs: 30_000,
      onRetry: () => {},
      random: () => random.next(),
    });
    this.#monitor = new ContactMonitor({
      probe: async (signal) => void await this.#store.list({ prefix: "", maxKeys: 1 }, signal),
      sinceContactMs: () => clock.monotonicMs() - this.#contactMs,
      hasNewCredentials: () => Promise.resolve(false),
      onRegained: () => this.#volume.fs.retryUploads(),
      clock,
      log: logger("test"),
      random: () => random.next(),
    });
    this.#volume = new MemoryVolume({
      store: this.#store,
      sees: this.#monitor.watched(new RetryingStore(this.#store, retrier, clock)),
      clock,
      durability: "journal",
    });
  }

  /** Half a second, in which one thing or another happens. */
  async step(): Promise<void> {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs >= this.#phaseEndsMs) {
      this.#isDown = !this.#isDown;
      if (this.#isDown) this.outages++;
      const longest = this.#random.pick(PHASES_MS);
      this.#phaseEndsMs = nowMs + 1 + this.#random.below(longest);
    }
    if (this.#random.below(20_000) === 0) this.#sleep();
    const what = this.#random.below(20);
    if (what === 0) this.#write();
    else if (what === 1) this.#read();
    await this.#clock.advance(STEP_MS);
    await giveWay();
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** The bucket is there for good: all gets there by itself. */
  async end(): Promise<void> {
    this.#isDown = false;
    for (let ms = 0; ms < BACK_MS; ms += STEP_MS) {
      await this.#clock.advance(STEP_MS);
      await giveWay();
    }
    await until(() => this.#volume.fs.uploads().active === 0);
    assert.equal(this.#volume.fs.uploads().pendingFiles, 0);
    assert.equal(this.#monitor.trouble, undefined);
    assert.equal(this.#running.size, 0, "something hangs");
    for (const [path, text] of this.#written) {
      assert.ok(await this.#volume.object(path) === text, `${path} is another one in S3`);
    }
    assert.deepEqual(await this.#volume.keys(), [...this.#written.keys()].sort());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#volume[Symbol.asyncDispose]();
    await this.#monitor.close();
    this.#alarms.close();
  }

  #sleep(): void {
    this.sleeps++;
    this.#clock.jump(this.#random.below(8 * 3_600_000));
    this.#monitor.check();
  }

  /** What is open is journalled, whatever the network does; opening may need to know what is there. */
  #write(): void {
    const path = `f${this.#random.below(FILES)}`;
    if (this.#writing.has(path)) return;
    this.#writing.add(path);
    const text = `${this.#count++} ${"x".repeat(this.#random.below(5_000))}`;
    const write = async () => {
      const file = await this.#volume.create(path).catch((error) => this.#inVain(error));
      if (file === undefined) return;
      this.#volume.writeOpen(file, text);
      await this.#volume.close(file);
      this.#written.set(path, text);
      this.writes++;
    };
    this.#track(write().finally(() => this.#writing.delete(path)));
  }

  #read(): void {
    const paths = [...this.#written.keys()];
    if (paths.length === 0) return;
    const path = this.#random.pick(paths);
    const expected = this.#written.get(path);
    const read = async () => {
      const text = await this.#volume.read(path).catch((error) => this.#inVain(error));
      if (text === undefined) return;
      this.reads++;
      // Unless it was written again meanwhile.
      const isSame = !this.#writing.has(path) && this.#written.get(path) === expected;
      if (isSame) assert.equal(text, expected, path);
    };
    if (!this.#writing.has(path)) this.#track(read());
  }

  #inVain(error: unknown): undefined {
    this.errors++;
    assert.match(errnoOf(error), /^(EIO|ETIMEDOUT)$/, String(error));
    return undefined;
  }

  #track(work: Promise<void>): void {
    const tracked = work.catch((error: unknown) => {
      this.#failure ??= error;
    }).finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
  }
}

/** What is left on the heap then is in use. */
function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  if (typeof collect === "function") collect();
}

interface Usage {
  readonly descriptors: number;
  readonly heapBytes: number;
}

function usage(): Usage {
  collectGarbage();
  return {
    descriptors: [...Deno.readDirSync("/proc/self/fd")].length,
    heapBytes: Deno.memoryUsage().heapUsed,
  };
}

function mib(bytes: number): number {
  return Math.round(bytes / 2 ** 20);
}
