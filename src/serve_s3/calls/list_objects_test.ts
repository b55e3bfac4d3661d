import assert from "node:assert/strict";
import { SeededRandom } from "../../../tests/support/seeded_random.ts";
import { startTestServer, type TestServer } from "../../../tests/support/serve_s3_fixture.ts";
import { compareKeys } from "../store/key_order.ts";

async function putKeys(test: TestServer, keys: readonly string[]): Promise<void> {
  for (const key of keys) {
    await test.send("PUT", `/bkt/${encodeURIComponent(key)}`, { body: "x" });
  }
}

/** All pages of a listing; what a client that follows the tokens sees. */
async function listAll(test: TestServer, query: Record<string, string>) {
  const [keys, prefixes]: [string[], string[]] = [[], []];
  let pages = 0;
  for (let token: string | undefined = "";;) {
    const all = { "list-type": "2", ...query, ...(token ? { "continuation-token": token } : {}) };
    const page = await test.send("GET", `/bkt?${new URLSearchParams(all)}`);
    assert.equal(page.status, 200, page.text);
    pages++;
    keys.push(...page.all("Key"));
    prefixes.push(
      ...[...page.text.matchAll(/<CommonPrefixes><Prefix>([^<]*)</g)].map((m) => m[1]!),
    );
    token = page.xml("NextContinuationToken");
    assert.equal(page.xml("IsTruncated"), String(token !== undefined));
    const count = page.all("Key").length + (page.text.match(/<CommonPrefixes>/g)?.length ?? 0);
    assert.equal(page.xml("KeyCount"), String(count));
    if (token === undefined) return { keys, prefixes, pages };
  }
}

Deno.test("ListObjectsV2 agrees with a simple model for many prefixes, delimiters and page sizes", async () => {
  const seed = 20240607;
  const seeded = new SeededRandom(seed);
  const random = () => seeded.next();
  const letters = ["a", "b", "/", "-", "\u00e9", "\ufffd", "\u{1f600}"];
  const word = (max: number) =>
    Array.from({ length: 1 + random() * max }, () => letters[Math.floor(random() * 7)]).join("");
  const keys = [...new Set(Array.from({ length: 120 }, () => `k${word(6)}`))].sort(compareKeys);
  await using test = await startTestServer();
  await putKeys(test, keys);
  for (let round = 0; round < 60; round++) {
    const prefix = random() < 0.3 ? "" : `k${random() < 0.5 ? "" : word(2)}`;
    const delimiter = ["", "/", "-", "ab"][Math.floor(random() * 4)]!;
    const startAfter = random() < 0.3 ? `k${word(3)}/` : "";
    const matching = keys.filter((key) => key.startsWith(prefix));
    const groups = new Map<string, string[]>();
    for (const key of matching) {
      const at = delimiter === "" ? -1 : key.indexOf(delimiter, prefix.length);
      const name = at < 0 ? key : key.slice(0, at + delimiter.length);
      groups.set(name, [...(groups.get(name) ?? []), key]);
    }
    const seen = [...groups].filter(([name, members]) =>
      name !== startAfter && members.some((key) => compareKeys(key, startAfter) > 0)
    ).map(([name]) => name);
    const isPrefix = (name: string) =>
      delimiter !== "" && name.indexOf(delimiter, prefix.length) >= 0;
    const max = 1 + Math.floor(random() * 20);
    const listed = await listAll(test, {
      prefix,
      "max-keys": String(max),
      ...(delimiter && { delimiter }),
      ...(startAfter && { "start-after": startAfter }),
    });
    const context = JSON.stringify({ seed, round, prefix, delimiter, startAfter, max });
    assert.deepEqual(listed.keys, seen.filter((name) => !isPrefix(name)), context);
    assert.deepEqual(listed.prefixes, seen.filter(isPrefix), context);
    assert.equal(listed.pages, Math.max(1, Math.ceil(seen.length / max)), context);
  }
});

Deno.test("ListObjectsV2 sorts by the bytes of UTF-8, not by UTF-16", async () => {
  await using test = await startTestServer();
  const keys = ["z", "\u{10000}", "\uffee", "A", "é", "a/b", "a b"];
  await putKeys(test, keys);
  const bytes = new TextEncoder();
  const sorted = keys.toSorted((a, b) => {
    const [x, y] = [bytes.encode(a), bytes.encode(b)];
    for (let i = 0; i < Math.min(x.length, y.length); i++) {
      if (x[i] !== y[i]) return x[i]! - y[i]!;
    }
    return x.length - y.length;
  });
  assert.deepEqual((await listAll(test, {})).keys, sorted);
});

Deno.test("ListObjectsV2 writes keys percent-encoded when asked to", async () => {
  await using test = await startTestServer();
  const keys = ["a b+c/é&<\u0001>~*'%41", "x"];
  await putKeys(test, keys);
  const encoded = await test.send("GET", "/bkt?list-type=2&encoding-type=url&prefix=a%20b");
  assert.equal(encoded.xml("Key"), "a+b%2Bc/%C3%A9%26%3C%01%3E%7E*%27%2541");
  assert.equal(encoded.xml("Prefix"), "a+b");
  assert.equal(encoded.xml("EncodingType"), "url");
  const plain = await test.send("GET", "/bkt?list-type=2");
  assert.equal(plain.xml("Key"), "a b+c/é&<&#x1;>~*'%41");
});

Deno.test("listings obey max-keys 0, the cap of 1000, and refuse nonsense", async () => {
  await using test = await startTestServer();
  await putKeys(test, ["a"]);
  const none = await test.send("GET", "/bkt?list-type=2&max-keys=0");
  assert.deepEqual([none.xml("IsTruncated"), none.xml("Key")], ["false", undefined]);
  assert.equal((await test.send("GET", "/bkt?list-type=2&max-keys=5000")).xml("MaxKeys"), "1000");
  for (const query of ["max-keys=-1", "max-keys=x", "encoding-type=x", "continuation-token=x"]) {
    const answer = await test.send("GET", `/bkt?list-type=2&${query}`);
    assert.equal(answer.xml("Code"), "InvalidArgument", query);
  }
  assert.equal((await test.send("GET", "/absent?list-type=2")).xml("Code"), "NoSuchBucket");
});

Deno.test("ListObjects pages with markers, also over common prefixes", async () => {
  await using test = await startTestServer();
  await putKeys(test, ["a/1", "a/2", "b", "c/1", "d"]);
  const seen: (string | undefined)[] = [];
  for (let marker: string | undefined = ""; marker !== undefined;) {
    const page = await test.send("GET", `/bkt?delimiter=/&max-keys=1&marker=${marker}`);
    seen.push(page.text.match(/<(?:Key|CommonPrefixes><Prefix)>([^<]*)</)?.[1]);
    marker = page.xml("NextMarker");
  }
  assert.deepEqual(seen, ["a/", "b", "c/", "d"]);
  const plain = await test.send("GET", "/bkt?max-keys=2&marker=a/1");
  assert.deepEqual(plain.all("Key"), ["a/2", "b"]);
  assert.equal(plain.xml("NextMarker"), undefined);
});

Deno.test("10,000 keys are listed in pages of 1000, and behind one common prefix on one page", async () => {
  await using test = await startTestServer();
  await putKeys(test, ["deep/first", "top"]);
  // Written as the server writes them: through the API this test would take much longer.
  const [record] = [...Deno.readDirSync(`${test.directory}/bkt/versions`)];
  const path = `${test.directory}/bkt/versions`;
  const template = JSON.parse(Deno.readTextFileSync(`${path}/${record!.name}`));
  for (let i = 0; i < 10_000; i++) {
    const version = { ...template, key: `deep/${String(i).padStart(5, "0")}`, extents: [] };
    Deno.writeTextFileSync(`${path}/${String(i)}-null.json`, JSON.stringify(version));
  }
  await test.restart();
  const listed = await listAll(test, {});
  assert.deepEqual([listed.keys.length, listed.pages], [10_002, 11]);
  const top = await listAll(test, { delimiter: "/" });
  assert.deepEqual([top.keys, top.prefixes, top.pages], [["top"], ["deep/"], 1]);
});
