import assert from "node:assert/strict";
import { FakeClock } from "../../../tests/support/fake_clock.ts";
import { AccessDeniedError, UnsupportedError } from "../../s3/errors.ts";
import type { ObjectStore } from "../../s3/object_store.ts";
import { AWS_QUIRKS, type Quirks } from "../../s3/quirks.ts";
import { MemoryStore, type MemoryStoreOptions, type StoreHook } from "../../s3/stores/memory.ts";
import { Findings } from "./finding.ts";
import { probeWrites } from "./probe_writes.ts";

interface Probed {
  /** "check: status" of each finding. */
  readonly found: readonly string[];
  readonly findings: Findings;
  /** Keys that were left. */
  readonly left: readonly string[];
}

interface Circumstances {
  readonly memory?: MemoryStoreOptions;
  readonly quirks?: Partial<Quirks>;
  /** What lies between the probe and the store. */
  readonly wrap?: (store: MemoryStore) => ObjectStore;
  readonly nowMs?: number;
  /** Absent: the bucket has no versions. */
  readonly removeVersions?: (keyPrefix: string) => Promise<number>;
}

async function probe(
  {
    memory = {},
    quirks = {},
    wrap,
    nowMs = 0,
    removeVersions = () => assert.fail("it has no versions"),
  }: Circumstances = {},
): Promise<Probed> {
  const store = new MemoryStore(memory);
  const findings = new Findings("photos");
  const signal = new AbortController().signal;
  await probeWrites(
    {
      store: wrap?.(store) ?? store,
      quirks: { ...AWS_QUIRKS, ...quirks },
      resource: "arn:aws:s3:::photos/*",
      clock: new FakeClock(nowMs),
      removeVersions,
    },
    findings,
    signal,
  );
  const { objects } = await store.list({ prefix: "" }, signal);
  const { uploads } = await store.listMultipart({ prefix: "" }, signal);
  return {
    found: findings.list.map(({ check, status }) => `${check}: ${status}`),
    findings,
    left: [...objects, ...uploads].map(({ key }) => key),
  };
}

/** `store` with some methods replaced. */
function altered(store: MemoryStore, methods: Partial<ObjectStore>): ObjectStore {
  return new Proxy(store, {
    get: (target, name) => {
      const own = Reflect.get(methods, name);
      if (own !== undefined) return own;
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

function denied(method: string): StoreHook {
  return (call) => {
    if (call.method !== method) return;
    const operation = `${method[0]!.toUpperCase()}${method.slice(1)}Object`;
    const hint = "Check the policy";
    throw new AccessDeniedError("no", { operation, bucket: "photos", status: 403, hint });
  };
}

const GOOD = [
  "bucket.write: ok",
  "bucket.clock: ok",
  "bucket.conditions: ok",
  "bucket.order: ok",
  "bucket.copy: ok",
  "bucket.delete: ok",
];

Deno.test("A bucket that can do all is well, and nothing is left in it", async () => {
  assert.deepEqual(await probe().then(({ found, left }) => [found, left]), [GOOD, []]);
});

Deno.test("Without the right to write, the policy that is missing is named", async () => {
  const { found, findings, left } = await probe({ memory: { hook: denied("put") } });
  assert.deepEqual([found, left], [["bucket.write: error"], []]);
  const [{ message, fix }] = findings.list as [typeof findings.list[0] & object];
  assert.match(message, /PutObject bucket "photos": no/);
  assert.match(fix, /^Allow s3:PutObject on arn:aws:s3:::photos\/\* .*or set read_only = true/);
});

Deno.test("Without the right to delete, what was left is named", async () => {
  const { found, findings, left } = await probe({ memory: { hook: denied("delete") } });
  assert.deepEqual(found.at(-1), "bucket.delete: error");
  assert.equal(left.length, 6);
  assert.match(
    findings.list.at(-1)!.fix,
    /Allow s3:DeleteObject.*\.cloudmount-doctor-[0-9a-f-]+\*/,
  );
});

Deno.test("A failure half-way leaves nothing either", async () => {
  const { found, left } = await probe({ memory: { hook: denied("uploadPartCopy") } });
  assert.deepEqual(left, []);
  assert.deepEqual(found.slice(-2), ["bucket.write: error", "bucket.delete: ok"]);
});

Deno.test("Conditions that are ignored are an error, those that are only looked at a warning", async () => {
  const careless = await probe({
    wrap: (store) =>
      altered(store, {
        put: (key, body, { ifMatch: _, ifNoneMatch: __, ...options }, signal) =>
          store.put(key, body, options, signal),
      }),
  });
  assert.ok(careless.found.includes("bucket.conditions: error"));
  assert.match(careless.findings.list[2]!.message, /If-None-Match, If-Match/);
  const checked = await probe({ quirks: { conditionalWrites: "check" } });
  assert.ok(checked.found.includes("bucket.conditions: warning"));
});

Deno.test("Another order and a wrong clock are noticed", async () => {
  const reversed = await probe({
    wrap: (store) =>
      altered(store, {
        list: async (options, signal) => {
          const page = await store.list(options, signal);
          return { ...page, objects: page.objects.toReversed() };
        },
      }),
  });
  assert.ok(reversed.found.includes("bucket.order: error"));
  const late = await probe({ nowMs: -600_000 });
  assert.ok(late.found.includes("bucket.clock: warning"));
  assert.match(late.findings.list[1]!.message, /clock is 600 s behind/);
});

Deno.test("A service that cannot copy parts is worth a warning, and the upload is ended", async () => {
  const { found, left } = await probe({
    wrap: (store) =>
      altered(store, {
        uploadPartCopy: () =>
          Promise.reject(
            new UnsupportedError("no", { operation: "UploadPartCopy", bucket: "photos" }),
          ),
      }),
  });
  assert.deepEqual(found, GOOD.with(4, "bucket.copy: warning"));
  assert.deepEqual(left, []);
});

Deno.test("In a bucket with versions those of the test are removed, or it is told that they stay", async () => {
  const versioned = (store: MemoryStore) =>
    altered(store, {
      put: async (...args) => ({ ...await store.put(...args), versionId: "v1" }),
    });
  const prefixes: string[] = [];
  const removed = await probe({
    wrap: versioned,
    removeVersions: (prefix) => {
      prefixes.push(prefix);
      return Promise.resolve(12);
    },
  });
  assert.deepEqual([removed.found, removed.left], [[...GOOD, "bucket.versions: ok"], []]);
  assert.match(prefixes.join(), /^\.cloudmount-doctor-[0-9a-f-]+$/);
  const kept = await probe({
    wrap: versioned,
    removeVersions: () =>
      Promise.reject(
        new AccessDeniedError("no", { operation: "ListObjectVersions", bucket: "photos" }),
      ),
  });
  assert.deepEqual(kept.found, [...GOOD, "bucket.versions: warning"]);
  assert.match(kept.findings.list.at(-1)!.fix, /s3:DeleteObjectVersion on arn:aws:s3:::photos\/\*/);
});
