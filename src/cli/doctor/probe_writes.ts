/**
 * Tries on a bucket what a mount does with it: writing, reading, conditions, the order of listings, parts
 * copied by the server, deleting. What it makes is named `.cloudmount-doctor-...` and removed again,
 * whatever happens.
 */
import type { Clock } from "../../base/clock.ts";
import { PreconditionFailedError, UnsupportedError } from "../../s3/errors.ts";
import type { ObjectStore, PutOptions } from "../../s3/object_store.ts";
import type { Quirks } from "../../s3/quirks.ts";
import { explain } from "../../wiring/explain.ts";
import type { Findings } from "./finding.ts";
import { missingPermission } from "./permissions.ts";

/** In the order of UTF-8 bytes; of UTF-16 units, the last two would change places. */
const SUFFIXES = ["-Z", "-a", "-\u00e9", "-\uffee", "-\u{1f600}"];
/** S3 copies parts only of objects larger than 5 MiB. */
const COPY_BYTES = 5 * 2 ** 20 + 1;
/** Requests are refused from 15 minutes on; much less points to a clock that nobody sets. */
const SKEW_MS_MAX = 60_000;
/** No object has this ETag. */
const OTHER_ETAG = '"00000000000000000000000000000000"';
const CLEAN_MS = 30_000;

const LOST_UPDATES =
  "Two computers that save the same file at the same time could overwrite each " +
  "other without a conflict copy";

export interface WriteProbe {
  readonly store: ObjectStore;
  readonly quirks: Quirks;
  /** For the policy in a hint: "arn:aws:s3:::bucket/prefix*". */
  readonly resource: string;
  readonly clock: Clock;
  /** Of keys that begin so; see `BucketStore`. */
  readonly removeVersions: (keyPrefix: string, signal: AbortSignal) => Promise<number>;
}

/** What has to be removed again. */
interface Made {
  readonly keys: string[];
  /** Deleting leaves versions behind. */
  isVersioned: boolean;
}

/** Rejects only with the signal's reason. */
export async function probeWrites(
  probe: WriteProbe,
  findings: Findings,
  signal: AbortSignal,
): Promise<void> {
  const base = `.cloudmount-doctor-${crypto.randomUUID()}`;
  const made: Made = { keys: [], isVersioned: false };
  try {
    await tryAll(probe, findings, base, made, signal);
  } catch (error) {
    signal.throwIfAborted();
    const why = "What is saved in the folder would stay on this machine and not get to S3";
    const allow = missingPermission(error, probe.resource);
    if (allow === undefined) {
      findings.failed("bucket.write", error, why, "Look into the log of the S3 service");
    } else {
      const fix = `${allow} (mounts need s3:GetObject, s3:PutObject, s3:DeleteObject and ` +
        "s3:AbortMultipartUpload), or set read_only = true";
      findings.error("bucket.write", explain(error).message, why, fix);
    }
  } finally {
    await clean(probe, findings, base, made);
  }
}

async function tryAll(
  probe: WriteProbe,
  findings: Findings,
  base: string,
  made: Made,
  signal: AbortSignal,
): Promise<void> {
  const { store, clock } = probe;
  const put = async (key: string, body: Uint8Array<ArrayBuffer>, options: PutOptions = {}) => {
    if (!made.keys.includes(key)) made.keys.push(key);
    const result = await store.put(key, body, options, signal);
    // Where versions were never or are no longer made, the id is "null".
    if ((result.versionId ?? "null") !== "null") made.isVersioned = true;
    return result;
  };
  const text = new TextEncoder().encode("cloudmount doctor\n");
  const key = base + SUFFIXES[0];
  await put(key, text, { ifNoneMatch: "*" });
  const { lastModifiedMs } = await store.head(key, signal);
  const skewMs = lastModifiedMs - clock.nowMs();
  const body = await store.get(key, {}, signal);
  const back = await body.read(new Uint8Array(text.length));
  await body.cancel();
  if (new TextDecoder().decode(back) === new TextDecoder().decode(text)) {
    findings.ok("bucket.write", "can be written and read");
  } else {
    findings.error(
      "bucket.write",
      "What was written comes back otherwise",
      "Files would be damaged",
      "Is there a proxy that changes what passes through it?",
    );
  }
  reportSkew(findings, skewMs);
  // Other bytes: a refusal of the same ones may mean that they have arrived before.
  const other = new TextEncoder().encode("to be refused\n");
  await tryConditions(
    probe,
    findings,
    () => put(key, other, { ifNoneMatch: "*" }),
    () => put(key, other, { ifMatch: OTHER_ETAG }),
  );
  for (const suffix of SUFFIXES.slice(1)) await put(base + suffix, text);
  const { objects } = await store.list({ prefix: base }, signal);
  reportOrder(findings, objects.map(({ key }) => key.slice(base.length)));
  await put(`${base}-large`, new Uint8Array(COPY_BYTES));
  await tryPartCopy(store, findings, `${base}-large`, signal);
}

function reportSkew(findings: Findings, skewMs: number): void {
  if (Math.abs(skewMs) < SKEW_MS_MAX) {
    return findings.ok("bucket.clock", "has the same time as this machine");
  }
  findings.warning(
    "bucket.clock",
    `This machine's clock is ${Math.round(Math.abs(skewMs) / 1000)} s ${
      skewMs > 0 ? "behind" : "ahead"
    }`,
    "Times of files are wrong, and requests from 15 minutes on are refused at first",
    "sudo timedatectl set-ntp true",
  );
}

async function tryConditions(
  { quirks }: WriteProbe,
  findings: Findings,
  create: () => Promise<unknown>,
  replace: () => Promise<unknown>,
): Promise<void> {
  const ignored: string[] = [];
  if (!await isRefused(create)) ignored.push("If-None-Match");
  if (!await isRefused(replace)) ignored.push("If-Match");
  const fix =
    "Write each file from one computer at a time, or choose a service with conditional writes";
  if (ignored.length > 0) {
    const message = `ignores the condition of a write (${ignored.join(", ")})`;
    findings.error("bucket.conditions", message, LOST_UPDATES, fix);
  } else if (quirks.conditionalWrites === "check") {
    const message = "has no conditional writes: each write looks at the object right before";
    findings.warning("bucket.conditions", message, LOST_UPDATES, fix);
  } else {
    findings.ok("bucket.conditions", "obeys conditional writes");
  }
}

async function isRefused(write: () => Promise<unknown>): Promise<boolean> {
  try {
    await write();
    return false;
  } catch (error) {
    if (error instanceof PreconditionFailedError) return true;
    throw error;
  }
}

function reportOrder(findings: Findings, found: readonly string[]): void {
  if (found.join() === SUFFIXES.join()) {
    return findings.ok("bucket.order", "lists what was written, in the order of S3");
  }
  const sorted = [...SUFFIXES].sort().join() === [...found].sort().join();
  findings.error(
    "bucket.order",
    sorted ? "lists in another order than S3" : "does not list all that was just written",
    "Large folders would miss files",
    "Report it to who runs the S3 service",
  );
}

async function tryPartCopy(
  store: ObjectStore,
  findings: Findings,
  source: string,
  signal: AbortSignal,
): Promise<void> {
  const target = `${source}-copy`;
  const uploadId = await store.createMultipart(target, {}, signal);
  try {
    const range = { start: 0, end: COPY_BYTES };
    await store.uploadPartCopy(target, uploadId, 1, { key: source }, range, signal);
    findings.ok("bucket.copy", "copies parts of objects");
  } catch (error) {
    if (!(error instanceof UnsupportedError)) throw error;
    findings.warning(
      "bucket.copy",
      "cannot copy parts of objects (UploadPartCopy)",
      "After a change in a large file all of it is sent again",
      "Nothing to do on this side",
    );
  } finally {
    await store.abortMultipart(target, uploadId, AbortSignal.timeout(CLEAN_MS));
  }
}

/** Removes what was made, also after an interruption. */
async function clean(
  probe: WriteProbe,
  findings: Findings,
  base: string,
  made: Made,
): Promise<void> {
  const { store, resource } = probe;
  const why = "Removed files would stay in S3, and replaced ones could not be renamed";
  const limit = AbortSignal.timeout(CLEAN_MS);
  const left = async () => (await store.list({ prefix: base }, limit)).objects;
  try {
    // Where nothing may be written, nothing need be deleted.
    if ((await left()).length === 0) return;
    for (const key of made.keys) await store.delete(key, limit);
    const objects = await left();
    if (objects.length === 0) {
      findings.ok("bucket.delete", "objects can be deleted");
      if (made.isVersioned) await cleanVersions(probe, findings, base, limit);
      return;
    }
    const fix = `Delete what the test left: ${objects.map(({ key }) => key).join(" ")}`;
    findings.error("bucket.delete", "A deletion was answered, but the object is there", why, fix);
  } catch (error) {
    const fix = `Allow s3:DeleteObject on ${resource}, and delete what the test left: ${base}*`;
    findings.error("bucket.delete", explain(error).message, why, fix);
  }
}

/** In a bucket with versions a deletion only hides. */
async function cleanVersions(
  { store, resource, removeVersions }: WriteProbe,
  findings: Findings,
  base: string,
  signal: AbortSignal,
): Promise<void> {
  try {
    await removeVersions(base, signal);
    findings.ok("bucket.versions", "keeps versions; those of this test are removed");
  } catch (error) {
    findings.warning(
      "bucket.versions",
      `keeps versions, and those of this test (5 MiB) stay: ${explain(error).message}`,
      "They are paid for, as are those of every file that is changed",
      `Allow s3:ListBucketVersions on arn:aws:s3:::${store.bucket} and s3:DeleteObjectVersion on ` +
        `${resource}, or have a lifecycle rule remove old versions (NoncurrentVersionExpiration)`,
    );
  }
}
