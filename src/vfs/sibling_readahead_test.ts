import assert from "node:assert/strict";
import { FakeClock, settle } from "../../tests/support/fake_clock.ts";
import { context, MemoryVolume } from "../../tests/support/memory_volume.ts";
import { MemoryStore } from "../s3/stores/memory.ts";

const MIB = 2 ** 20;

class Recorded {
  /** The keys asked for, in order. */
  readonly gets: string[] = [];
  readonly aborted: string[] = [];
  /** While set, answers do not come. */
  isHeld = false;
  readonly clock = new FakeClock();
  readonly volume: MemoryVolume;

  constructor() {
    const store = new MemoryStore({
      hook: ({ method, key }, signal) => {
        if (method !== "get") return;
        this.gets.push(key!);
        if (!this.isHeld) return;
        return new Promise((_, reject) =>
          signal.addEventListener("abort", () => {
            this.aborted.push(key!);
            reject(signal.reason);
          })
        );
      },
    });
    this.volume = new MemoryVolume({ store, clock: this.clock });
  }

  async fill(directory: string, count: number, bytes = 100): Promise<string[]> {
    const paths = Array.from({ length: count }, (_, i) => `${directory}/f${1000 + i}`);
    for (const path of paths) {
      await this.volume.store.put(path, new Uint8Array(bytes), {}, context.signal);
    }
    return paths;
  }

  /** What is asked for while a file is opened, read and closed as cat(1) does it. */
  async read(path: string): Promise<string[]> {
    const before = this.gets.length;
    await this.volume.read(path);
    await settle();
    return this.gets.slice(before);
  }
}

async function withVolume(test: (recorded: Recorded) => Promise<void>): Promise<void> {
  const recorded = new Recorded();
  await using _volume = recorded.volume;
  await test(recorded);
}

Deno.test("SiblingReadahead fetches nothing beside one file, nor beside files here and there", () =>
  withVolume(async (recorded) => {
    const paths = await recorded.fill("d", 50);
    for (const index of [7, 30, 3, 44, 20, 40, 10]) {
      assert.deepEqual(await recorded.read(paths[index]!), [paths[index]]);
    }
  }));

Deno.test("SiblingReadahead fetches as many files ahead as were read in order, each by one GET", () =>
  withVolume(async (recorded) => {
    const paths = await recorded.fill("d", 100);
    for (const [index, path] of paths.entries()) {
      await recorded.read(path);
      const ahead = recorded.gets.length - (index + 1);
      const expected = index === 0 ? 0 : Math.min(index + 1, 32, paths.length - index - 1);
      assert.equal(ahead, expected, `after ${index + 1} files`);
    }
    assert.deepEqual(recorded.gets, paths);
  }));

Deno.test("SiblingReadahead asks for what is read itself before it asks for more", () =>
  withVolume(async (recorded) => {
    const paths = await recorded.fill("d", 10);
    await recorded.read(paths[0]!);
    assert.deepEqual(await recorded.read(paths[1]!), [paths[1], paths[2], paths[3]]);
  }));

Deno.test("SiblingReadahead follows several threads that read out of order", () =>
  withVolume(async (recorded) => {
    const { volume } = recorded;
    const paths = await recorded.fill("d", 64);
    for (const path of paths.slice(0, 8)) await recorded.read(path);
    for (let index = 8; index < 64; index += 8) {
      const files = [];
      for (const step of [2, 0, 1, 6, 4, 7, 5, 3]) {
        const file = await volume.open(paths[index + step]!, 0);
        files.push(file);
        await volume.readOpen(file);
      }
      for (const file of files) await volume.close(file);
    }
    assert.deepEqual(recorded.gets.toSorted(), paths);
  }));

Deno.test("SiblingReadahead aborts what is under way when something else is read, and lets it go", () =>
  withVolume(async (recorded) => {
    const { volume } = recorded;
    const paths = await recorded.fill("d", 50);
    await recorded.read(paths[0]!);
    recorded.isHeld = true;
    const file = await volume.open(paths[1]!, 0);
    const reading = volume.fs.read(file.ino, file.fh, 0, 100, context) as Promise<unknown>;
    reading.catch(() => {});
    await settle();
    assert.deepEqual(recorded.gets, paths.slice(0, 4));
    const { inodes } = volume.fs.counts();
    const other = await volume.open(paths[30]!, 0);
    const elsewhere = volume.fs.read(other.ino, other.fh, 0, 100, context) as Promise<unknown>;
    elsewhere.catch(() => {});
    await settle();
    assert.deepEqual(recorded.aborted, paths.slice(2, 4));
    assert.equal(volume.fs.counts().inodes, inodes - 2 + 1);
  }));

Deno.test("SiblingReadahead keeps nothing in memory when the reader has gone away", () =>
  withVolume(async (recorded) => {
    const { volume } = recorded;
    const paths = await recorded.fill("d", 50);
    const others = await recorded.fill("e", 1);
    for (const path of paths.slice(0, 10)) {
      await recorded.read(path);
      volume.fs.forget(await volume.ino(path), 2);
    }
    assert.equal(volume.fs.counts().inodes, 2 + 10, "the root, d, and ten files ahead");
    await recorded.clock.advance(20_000);
    await recorded.read(others[0]!);
    volume.fs.forget(await volume.ino(others[0]!), 2);
    assert.ok(volume.fs.counts().inodes <= 3);
  }));

Deno.test("SiblingReadahead goes on at full pace in the next directory of a walk", () =>
  withVolume(async (recorded) => {
    const first = await recorded.fill("d1", 20);
    const second = await recorded.fill("d2", 20);
    for (const path of first) await recorded.read(path);
    await recorded.read(second[0]!);
    assert.deepEqual(recorded.gets, [...first, ...second], "all of it at its first file");
  }));

Deno.test("SiblingReadahead becomes cautious when half of the files are left out", () =>
  withVolume(async (recorded) => {
    const paths = await recorded.fill("d", 400);
    const read = paths.filter((_, index) => index % 2 === 0);
    for (const path of read) await recorded.read(path);
    const vain = recorded.gets.length - read.length;
    assert.ok(vain < read.length / 4, `${vain} GETs in vain for ${read.length} files`);
    assert.equal(new Set(recorded.gets).size, recorded.gets.length, "none twice");
  }));

Deno.test("SiblingReadahead fetches large files whole once one was read to its end", () =>
  withVolume(async (recorded) => {
    const { volume } = recorded;
    const paths = await recorded.fill("d", 6, 3 * MIB);
    const readWhole = async (path: string) => {
      const file = await volume.open(path, 0);
      for (let offset = 0; offset < 3 * MIB; offset += MIB / 4) {
        await volume.fs.read(file.ino, file.fh, offset, MIB / 4, context);
        await settle();
      }
      await volume.close(file);
    };
    for (const path of paths) await readWhole(path);
    const last = recorded.gets.filter((key) => key === paths.at(-1));
    assert.equal(last.length, 1, "one GET for a file that was fetched ahead");
  }));

Deno.test("SiblingReadahead does not fetch what is being written here, nor links and empty files", () =>
  withVolume(async (recorded) => {
    const { volume } = recorded;
    const paths = await recorded.fill("d", 8);
    await volume.putObject(paths[4]!, "");
    await volume.list("d");
    for (const path of paths.slice(0, 2)) await recorded.read(path);
    const file = await volume.open(paths[5]!, 2);
    volume.writeOpen(file, "changed");
    await recorded.read(paths[2]!);
    await recorded.read(paths[3]!);
    assert.ok(!recorded.gets.includes(paths[4]!) && !recorded.gets.includes(paths[5]!));
    await volume.close(file);
  }));
