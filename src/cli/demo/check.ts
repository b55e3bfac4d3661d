/** The round of `demo --check`: what is done through the folder is compared with what S3 holds, both ways. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { systemClock } from "../../base/clock.ts";
import { ifThere } from "../../base/if_there.ts";
import { NotFoundError } from "../../s3/errors.ts";
import type { ObjectInfo, ObjectStore } from "../../s3/object_store.ts";
import {
  DEMO_BUCKETS,
  LARGE_BYTES,
  LARGE_KEY,
  PICTURE_KEY,
  pseudoRandom,
  SMALL_FILES,
  SMALL_PREFIX,
  TEXT_KEY,
} from "./content.ts";
import type { DemoStage } from "./stage.ts";
import { inParallel, type Steps } from "./steps.ts";

/** Above the limit from which uploads go in parts (16 MiB). */
const MULTIPART_BYTES = 20 * 2 ** 20 + 12345;
const FILES_AT_ONCE = 16;
/** A change by another client is seen once the listing's time to live (1 s in the demo) is over. */
const SEEN_WITHIN_MS = 10_000;

/** Runs all steps on a stage whose buckets are mounted. Throws at the first that does not hold. */
export async function checkRound(stage: DemoStage, steps: Steps): Promise<void> {
  await checkReading(stage, steps);
  await checkWriting(stage, steps);
  await checkChanging(stage, steps);
  await steps.run("status: both mounted, nothing pending", async (signal) => {
    await flush(stage, signal);
    using client = stage.control();
    const status = await client.status(signal);
    assert.deepEqual(status.mounts.map(({ state }) => state), ["mounted", "mounted"]);
    assert.equal(status.healthy, true);
    for (const { uploads } of status.mounts) assert.equal(uploads.pending_files, 0);
  });
}

/** Waits until S3 has what the folders have: close does not wait for it. */
async function flush(stage: DemoStage, signal: AbortSignal): Promise<void> {
  using client = stage.control();
  for (const { name } of DEMO_BUCKETS) await client.flushMount(name, 60_000, signal);
}

async function checkReading(stage: DemoStage, steps: Steps): Promise<void> {
  const documents = stage.mountPoint("documents");
  await steps.run("list both trees and compare them with the buckets", async (signal) => {
    for (const { name } of DEMO_BUCKETS) {
      const files = await walk(stage.mountPoint(name));
      assert.deepEqual(files.sort(), (await keys(stage.store(name), "", signal)).sort());
    }
  });
  await steps.run("read a text, a picture and odd names, compare with S3", async (signal) => {
    for (const { name, objects } of DEMO_BUCKETS) {
      for (const { key } of objects) {
        if (key.startsWith(SMALL_PREFIX) || key === LARGE_KEY) continue;
        await assertSame(stage, name, key, signal);
      }
    }
    assert.match(await Deno.readTextFile(join(documents, TEXT_KEY)), /This folder is a bucket/);
    const picture = await Deno.readFile(join(stage.mountPoint("photos"), PICTURE_KEY));
    assert.deepEqual([...picture.subarray(0, 2)], [0x42, 0x4d]);
  });
  await steps.run(`read ${SMALL_FILES} small files, compare their MD5 with S3`, async (signal) => {
    const small = await objects(stage.store("documents"), SMALL_PREFIX, signal);
    assert.equal(small.length, SMALL_FILES);
    await inParallel(small, FILES_AT_ONCE, async ({ key, etag }) => {
      // The ETag of an object that was put in one piece is the MD5 of its bytes.
      const md5 = createHash("md5").update(await Deno.readFile(join(documents, key)));
      assert.equal(`"${md5.digest("hex")}"`, etag, `"${key}" differs between the folder and S3`);
    });
  });
  await steps.run("read the 64 MiB file, compare SHA-256 with S3", async (signal) => {
    const path = join(documents, LARGE_KEY);
    assert.equal((await Deno.stat(path)).size, LARGE_BYTES);
    assert.equal(
      await fileHash(path),
      await objectHash(stage.store("documents"), LARGE_KEY, signal),
    );
  });
}

async function checkWriting(stage: DemoStage, steps: Steps): Promise<void> {
  const documents = stage.mountPoint("documents");
  const store = stage.store("documents");
  await steps.run("write a text in a new folder, read it back over S3", async (signal) => {
    await Deno.mkdir(join(documents, "new folder"));
    await Deno.writeTextFile(join(documents, "new folder/Grüße.txt"), "Hello, bucket\n");
    await flush(stage, signal);
    assert.equal(await objectText(store, "new folder/Grüße.txt", signal), "Hello, bucket\n");
  });
  await steps.run("append to it, overwrite its start, read it back over S3", async (signal) => {
    const path = join(documents, "new folder/Grüße.txt");
    await Deno.writeTextFile(path, "Second line\n", { append: true });
    {
      using file = await Deno.open(path, { read: true, write: true });
      await file.write(new TextEncoder().encode("HELLO"));
    }
    await flush(stage, signal);
    const expected = "HELLO, bucket\nSecond line\n";
    assert.equal(await objectText(store, "new folder/Grüße.txt", signal), expected);
  });
  await steps.run("write 20 MiB (a multipart upload), compare SHA-256 with S3", async (signal) => {
    const bytes = pseudoRandom(MULTIPART_BYTES, 7);
    await Deno.writeFile(join(documents, "new folder/large.bin"), bytes);
    await flush(stage, signal);
    const hash = await objectHash(store, "new folder/large.bin", signal);
    assert.equal(hash, createHash("sha256").update(bytes).digest("hex"));
  });
}

async function checkChanging(stage: DemoStage, steps: Steps): Promise<void> {
  const documents = stage.mountPoint("documents");
  const store = stage.store("documents");
  await steps.run("rename a file and a folder, see the new keys in S3", async (signal) => {
    await Deno.rename(
      join(documents, "new folder/Grüße.txt"),
      join(documents, "new folder/greetings.txt"),
    );
    await Deno.rename(join(documents, "new folder"), join(documents, "renamed"));
    await flush(stage, signal);
    const found = (await keys(store, "renamed/", signal)).filter((key) => !key.endsWith("/"));
    assert.deepEqual(found.sort(), ["renamed/greetings.txt", "renamed/large.bin"]);
    assert.deepEqual(await keys(store, "new folder/", signal), []);
    assert.match(await Deno.readTextFile(join(documents, "renamed/greetings.txt")), /^HELLO/);
  });
  await steps.run("delete a file and a folder, see them gone in S3", async (signal) => {
    await Deno.remove(join(documents, "renamed/greetings.txt"));
    await flush(stage, signal);
    await assert.rejects(store.head("renamed/greetings.txt", signal), NotFoundError);
    await Deno.remove(join(documents, "renamed"), { recursive: true });
    await flush(stage, signal);
    assert.deepEqual(await keys(store, "renamed/", signal), []);
    await assert.rejects(Deno.stat(join(documents, "renamed")), Deno.errors.NotFound);
  });
  await steps.run("put an object with another client, see it in the folder", async (signal) => {
    const path = join(documents, "from elsewhere.txt");
    await assert.rejects(Deno.stat(path), Deno.errors.NotFound);
    await store.put("from elsewhere.txt", new TextEncoder().encode("Hello, folder\n"), {}, signal);
    const untilMs = systemClock.monotonicMs() + SEEN_WITHIN_MS;
    while (!(await exists(path)) && systemClock.monotonicMs() < untilMs) {
      await systemClock.sleep(100, signal);
    }
    assert.equal(await Deno.readTextFile(path), "Hello, folder\n");
  });
}

async function exists(path: string): Promise<boolean> {
  return await ifThere(Deno.stat(path)) !== undefined;
}

/** The files below `root`, as keys. */
async function walk(root: string, below = ""): Promise<string[]> {
  const files: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(join(root, below))) {
    if (isDirectory) files.push(...await walk(root, `${below}${name}/`));
    else files.push(below + name);
  }
  return files;
}

async function keys(store: ObjectStore, prefix: string, signal: AbortSignal): Promise<string[]> {
  return (await objects(store, prefix, signal)).map(({ key }) => key);
}

async function objects(
  store: ObjectStore,
  prefix: string,
  signal: AbortSignal,
): Promise<ObjectInfo[]> {
  const found: ObjectInfo[] = [];
  let token: string | undefined;
  do {
    const page = await store.list({ prefix, ...(token === undefined ? {} : { token }) }, signal);
    found.push(...page.objects);
    token = page.nextToken;
  } while (token !== undefined);
  return found;
}

async function assertSame(
  stage: DemoStage,
  bucket: string,
  key: string,
  signal: AbortSignal,
): Promise<void> {
  const [file, object] = await Promise.all([
    fileHash(join(stage.mountPoint(bucket), key)),
    objectHash(stage.store(bucket), key, signal),
  ]);
  assert.equal(file, object, `"${key}" differs between the folder and S3`);
}

async function fileHash(path: string): Promise<string> {
  using file = await Deno.open(path);
  const hash = createHash("sha256");
  const buffer = new Uint8Array(2 ** 20);
  for (let size = await file.read(buffer); size !== null; size = await file.read(buffer)) {
    hash.update(buffer.subarray(0, size));
  }
  return hash.digest("hex");
}

async function objectHash(store: ObjectStore, key: string, signal: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  for await (const part of objectBytes(store, key, signal)) hash.update(part);
  return hash.digest("hex");
}

async function objectText(store: ObjectStore, key: string, signal: AbortSignal): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const part of objectBytes(store, key, signal)) {
    text += decoder.decode(part, { stream: true });
  }
  return text;
}

async function* objectBytes(
  store: ObjectStore,
  key: string,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const body = await store.get(key, {}, signal);
  try {
    let buffer = new Uint8Array(2 ** 20);
    while (true) {
      const part = await body.read(buffer);
      if (part.length === 0) return;
      yield part;
      buffer = new Uint8Array(part.buffer);
    }
  } finally {
    await body.cancel();
  }
}
