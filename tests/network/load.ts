/** Programs that read and write without a pause, and note what they were told. */
import assert from "node:assert/strict";
import { errnoOf } from "../../src/vfs/errno_map.ts";
import type { SeededRandom } from "../support/seeded_random.ts";
import type { World } from "./world.ts";

const WRITERS = 3;
const READERS = 4;
/** Rewritten again and again. */
const FILES_OF_WRITER = 12;
const OBJECTS = 400;
const OBJECT_BYTES = 20_000;
const PAUSE_MS = 150;

export class Load {
  readonly #world: World;
  readonly #random: SeededRandom;
  readonly #objects = new Map<string, string>();
  /** What was acknowledged last, by path. */
  readonly #written = new Map<string, string>();
  readonly #running: Promise<void>[] = [];
  #isOver = false;
  #next = 0;
  /** Reads that failed: with which error, and when. */
  readonly failures: { readonly errno: string; readonly atMs: number }[] = [];
  longestMs = 0;
  reads = 0;
  writes = 0;

  constructor(world: World, random: SeededRandom) {
    this.#world = world;
    this.#random = random;
  }

  async start(): Promise<void> {
    const { volume } = this.#world;
    for (let index = 0; index < OBJECTS; index++) {
      const bytes = this.#random.bytes(OBJECT_BYTES);
      this.#objects.set(`r/${index}`, bytes.toHex());
      await this.#world.put(`r/${index}`, bytes);
    }
    await volume.list("r");
    for (let writer = 0; writer < WRITERS; writer++) {
      await volume.mkdir(`w${writer}`);
      this.#running.push(this.#repeat(() => this.#write(writer)));
    }
    for (let reader = 0; reader < READERS; reader++) {
      this.#running.push(this.#repeat(() => this.#read()));
    }
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#running);
  }

  /** Everything that was acknowledged is in S3 as it was. */
  async compare(): Promise<void> {
    for (const [path, text] of this.#written) {
      assert.equal(new TextDecoder().decode(await this.#world.object(path)), text, path);
    }
  }

  async #repeat(work: () => Promise<void>): Promise<void> {
    const { clock } = this.#world;
    while (!this.#isOver) {
      const startMs = clock.monotonicMs();
      await work();
      this.longestMs = Math.max(this.longestMs, clock.monotonicMs() - startMs);
      await clock.sleep(PAUSE_MS);
    }
  }

  async #write(writer: number): Promise<void> {
    const path = `w${writer}/${this.#random.below(FILES_OF_WRITER)}`;
    const text = this.#random.bytes(1 + this.#random.below(3_000)).toHex();
    await this.#world.volume.write(path, text);
    this.#written.set(path, text);
    this.writes++;
  }

  async #read(): Promise<void> {
    const { volume, clock } = this.#world;
    const path = `r/${this.#next++ % OBJECTS}`;
    try {
      const file = await volume.open(path, 0);
      try {
        const views = await volume.fs.read(file.ino, file.fh, 0, OBJECT_BYTES, {
          uid: 0,
          gid: 0,
          pid: 1,
          signal: new AbortController().signal,
        });
        const hex = views.map((view) => view.toHex()).join("");
        assert.equal(hex, this.#objects.get(path), path);
      } finally {
        await volume.close(file);
      }
      this.reads++;
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
      this.failures.push({ errno: errnoOf(error), atMs: clock.monotonicMs() });
    }
  }
}
