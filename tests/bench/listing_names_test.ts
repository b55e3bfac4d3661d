import assert from "node:assert/strict";
import { listPage } from "../../bench/listing_curve/names.ts";

const COUNTS = [1000, 2500];

function ask(query: Record<string, string>) {
  const page = listPage(new URLSearchParams({ "list-type": "2", ...query }), COUNTS);
  return {
    keys: [...page.matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key = ""]) => key),
    prefixes: [...page.matchAll(/<Prefix>([^<]*)<\/Prefix>/g)].map(([, name = ""]) => name),
    next: /<NextContinuationToken>([^<]*)</.exec(page)?.[1],
  };
}

Deno.test("listPage shows the directories, and each of their names once, in order", () => {
  assert.deepEqual(ask({}).prefixes, ["n1000/", "n2500/"]);
  const keys: string[] = [];
  let pages = 0;
  let token: string | undefined;
  do {
    const query = token === undefined ? {} : { "continuation-token": token };
    const page = ask({ prefix: "n2500/", delimiter: "/", ...query });
    keys.push(...page.keys);
    token = page.next;
    pages++;
  } while (token !== undefined);
  assert.equal(pages, 3);
  assert.equal(keys.length, 2500);
  assert.deepEqual(keys, [...new Set(keys)].sort());
});

Deno.test("listPage begins behind any name, and knows no other directory", () => {
  const [first = "", second = ""] = ask({ prefix: "n1000/" }).keys;
  assert.equal(ask({ prefix: "n1000/", "start-after": first }).keys[0], second);
  assert.equal(ask({ prefix: "n1000/", "start-after": `${first}~` }).keys[0], second);
  assert.equal(ask({ prefix: "n1000/", "start-after": "n1000/z" }).keys.length, 0);
  assert.equal(ask({ prefix: "n1000/", "max-keys": "1" }).keys.length, 1);
  assert.deepEqual(ask({ prefix: "n7/" }).keys, []);
});
