import assert from "node:assert/strict";
import { FakeClock } from "../../tests/support/fake_clock.ts";
import { type SeededRandom, withSeed } from "../../tests/support/seeded_random.ts";
import { TransportError } from "../s3/errors.ts";
import { compareKeys } from "../s3/key_encoding.ts";
import type { ListPage } from "../s3/object_store.ts";
import { MemoryStore } from "../s3/stores/memory.ts";
import { OrderedPages } from "./ordered_pages.ts";

const NEVER = new AbortController().signal;

/** Of the microtask queue: until all has happened that follows from an answer. */
const TURNS = 20;

interface From {
  readonly token?: string;
  readonly startAfter?: string;
}

/** A directory "d/" whose pages take their time; all that are under way come at once. */
class SlowDirectory {
  readonly clock = new FakeClock();
  readonly keys: string[] = [];
  /** What the endpoint makes of a request. */
  answer = (from: From) => this.listed(from);
  pageMs = 30;
  requests = 0;
  peak = 0;
  /** Round trips, one after another. */
  rounds = 0;
  misorders = 0;
  readonly #store = new MemoryStore();
  readonly #pageSize: number;
  readonly #waiting: (() => void)[] = [];

  constructor(pageSize: number) {
    this.#pageSize = pageSize;
    this.clock.isHasty = true;
  }

  async fill(names: readonly string[]): Promise<void> {
    for (const name of names) {
      const isDirectory = name.endsWith("/");
      await this.#store.put(`d/${name}${isDirectory ? "x" : ""}`, new Uint8Array(0), {}, NEVER);
    }
    this.keys.push(...[...new Set(names)].map((name) => `d/${name}`).sort(compareKeys));
    await this.#store.put("e", new Uint8Array(0), {}, NEVER);
  }

  listed(from: From): Promise<ListPage> {
    return this.#store.list(
      { prefix: "d/", delimiter: "/", maxKeys: this.#pageSize, ...from },
      NEVER,
    );
  }

  pages(options: { readonly token?: string; readonly isOnePage?: boolean } = {}): OrderedPages {
    return new OrderedPages({
      clock: this.clock,
      prefix: "d/",
      isOnePage: options.isOnePage ?? false,
      maySplit: true,
      list: (from) => this.#answerSlowly(from),
      onMisorder: () => this.misorders++,
      ...(options.token === undefined ? {} : { token: options.token }),
    });
  }

  /** All pages, as lists of keys. */
  async read(pages: OrderedPages): Promise<{ keys: string[]; nextToken: string | undefined }[]> {
    const all: { keys: string[]; nextToken: string | undefined }[] = [];
    for (;;) {
      const next = pages.next();
      const page = await this.#untilThere(next);
      if (page === undefined) return all;
      const { objects, prefixes, nextToken } = page;
      const keys = [...objects.map(({ key }) => key), ...prefixes].sort(compareKeys);
      all.push({ keys, nextToken });
    }
  }

  /** What is read in order from a token on, without any splits. */
  async rest(token: string | undefined): Promise<string[]> {
    const keys: string[] = [];
    for (let at = token; at !== undefined;) {
      const page = await this.listed({ token: at });
      keys.push(...page.objects.map(({ key }) => key), ...page.prefixes);
      at = page.nextToken;
    }
    return keys;
  }

  /** Requests that one page after another takes. */
  get sequential(): number {
    return Math.max(1, Math.ceil(this.keys.length / this.#pageSize));
  }

  async #answerSlowly(from: From): Promise<ListPage> {
    this.requests++;
    this.peak = Math.max(this.peak, this.#waiting.length + 1);
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return await this.answer(from);
  }

  async #untilThere<T>(work: Promise<T>): Promise<T> {
    let isDone = false;
    const settle = () => {
      isDone = true;
    };
    work.then(settle, settle);
    for (;;) {
      for (let turn = 0; turn < TURNS; turn++) await undefined;
      if (isDone) return await work;
      this.rounds++;
      await this.clock.sleep(this.pageMs);
      for (const go of this.#waiting.splice(0)) go();
    }
  }
}

function padded(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `file-${String(i).padStart(6, "0")}.txt`);
}

Deno.test("far away, a directory of 10 pages is read in 6 round trips by 11 requests", async () => {
  const directory = new SlowDirectory(100);
  await directory.fill(padded(1000));
  const pages = await directory.read(directory.pages());
  assert.deepEqual(pages.flatMap(({ keys }) => keys), directory.keys);
  assert.deepEqual([directory.requests, directory.rounds, directory.peak], [11, 6, 2]);
});

Deno.test("nearby, pages are asked for one after another, the next one ahead of need", async () => {
  const directory = new SlowDirectory(100);
  directory.pageMs = 5;
  await directory.fill(padded(1000));
  const pages = directory.pages();
  assert.deepEqual((await directory.read(pages)).flatMap(({ keys }) => keys), directory.keys);
  assert.deepEqual([directory.requests, directory.peak], [10, 1]);
});

Deno.test("one page is one request, however long it takes", async () => {
  const directory = new SlowDirectory(10);
  await directory.fill(padded(100));
  const pages = await directory.read(directory.pages({ isOnePage: true }));
  assert.deepEqual(pages.map(({ keys }) => keys.length), [10]);
  assert.equal(pages[0]!.nextToken, directory.keys[9]);
  assert.equal(directory.requests, 1);
});

Deno.test("an endpoint that does not begin where it is told to is listed one page after another", async () => {
  const misbehaviours: ((directory: SlowDirectory, from: From) => Promise<ListPage>)[] = [
    // It ignores startAfter, refuses it, or begins too early.
    (directory, { token }) => directory.listed(token === undefined ? {} : { token }),
    (directory, from) =>
      from.startAfter === undefined
        ? directory.listed(from)
        : Promise.reject(new TransportError("no", { operation: "ListObjects", bucket: "b" })),
    (directory, from) =>
      directory.listed(
        from.startAfter === undefined ? from : { startAfter: from.startAfter.slice(0, -1) },
      ),
  ];
  for (const answer of misbehaviours) {
    const directory = new SlowDirectory(10);
    await directory.fill(padded(200));
    directory.answer = (from) => answer(directory, from);
    const pages = await directory.read(directory.pages());
    assert.deepEqual(pages.flatMap(({ keys }) => keys), directory.keys);
    assert.equal(directory.requests, 21, "one was in vain");
  }
});

Deno.test("an endpoint with an order of its own is listed as it wants, and nothing is lost", async () => {
  const directory = new SlowDirectory(10);
  await directory.fill(padded(200));
  const order = [...directory.keys].reverse();
  directory.answer = ({ token }) => {
    const from = token === undefined ? 0 : order.indexOf(token) + 1;
    const page = order.slice(from, from + 10);
    const objects = page.map((key) => ({ key, size: 0, etag: "", lastModifiedMs: 0 }));
    return Promise.resolve({
      objects,
      prefixes: [],
      ...(from + 10 < order.length ? { nextToken: page.at(-1)! } : {}),
    });
  };
  const pages = await directory.read(directory.pages());
  assert.deepEqual(pages.flatMap(({ keys }) => keys).sort(compareKeys), directory.keys);
  assert.deepEqual([directory.requests, directory.misorders], [20, 1]);
});

Deno.test("a page that fails ends the reading with its error, when those before it were read", async () => {
  const directory = new SlowDirectory(10);
  directory.pageMs = 5;
  await directory.fill(padded(100));
  directory.answer = (from) =>
    from.token === directory.keys[29]
      ? Promise.reject(new TransportError("gone", { operation: "ListObjects", bucket: "b" }))
      : directory.listed(from);
  const pages = directory.pages();
  const read: ListPage[] = [];
  const reading = (async () => {
    for (let page = await pages.next(); page !== undefined; page = await pages.next()) {
      read.push(page);
    }
    return undefined;
  })();
  const waiting = directory.read({ next: () => reading } as unknown as OrderedPages);
  await assert.rejects(waiting, /gone/);
  assert.equal(read.length, 3);
});

/** Names of some kind, as people and programs make them. */
function someNames(random: SeededRandom): string[] {
  const count = random.below(400);
  const kind = random.below(6);
  const hex = () => random.below(2 ** 30).toString(16).padStart(8, "0");
  return Array.from({ length: count }, (_, i) => {
    switch (kind) {
      case 0:
        return `file-${String(i).padStart(5, "0")}.txt`;
      case 1:
        return `${i}.txt`;
      case 2:
        return random.below(3) === 0 ? `${hex()}/` : hex();
      case 3:
        return `2026-${random.below(12)}-${random.below(30)} ${random.below(1000)}.log`;
      case 4:
        return `${random.pick(["a", "b", "a-", "ä", "Z", "~", "\u{1f600}"])}${
          random.pick(["", "-", "/", "x/", "9"])
        }${i % 7 === 0 ? "" : i}`.replace(/\/.+/, "/");
      default:
        return `${random.pick(["IMG_", "DSC", ""])}${random.below(20_000)}`;
    }
  });
}

Deno.test("whatever the names are, all come once, in order, and by few requests more", () =>
  withSeed(async (random) => {
    for (let run = 0; run < 60; run++) {
      const directory = new SlowDirectory(1 + random.below(12));
      await directory.fill(someNames(random).filter((name) => name !== "" && name !== "/"));
      const pages = await directory.read(directory.pages());
      assert.deepEqual(pages.flatMap(({ keys }) => keys), directory.keys);
      const atMost = Math.max(directory.sequential + 1, directory.sequential * 1.1);
      assert.ok(directory.requests <= atMost, `${directory.requests}, ${directory.sequential}`);
      // Whoever goes on where it broke off misses nothing.
      const until = random.below(pages.length);
      const known = pages.slice(0, until + 1).flatMap(({ keys }) => keys);
      const rest = await directory.rest(pages[until]!.nextToken);
      const together = [...new Set([...known, ...rest])].sort(compareKeys);
      assert.deepEqual(together, directory.keys);
    }
  }));
