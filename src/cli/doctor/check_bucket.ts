/** Whether the bucket of a mount can be used as the config wants it. */
import { type Clock, Deadline } from "../../base/clock.ts";
import { formatDuration } from "../../base/units.ts";
import type { MountConfig } from "../../config/types.ts";
import type { BucketStore } from "../../s3/bucket_store.ts";
import { ClockSkewError, WrongRegionError } from "../../s3/errors.ts";
import { explain } from "../../wiring/explain.ts";
import { checkIdentity } from "./check_identity.ts";
import { type Finding, Findings } from "./finding.ts";
import { missingPermission } from "./permissions.ts";
import { probeWrites } from "./probe_writes.ts";

/** For all probes of one bucket; a slow line sends the 5 MiB of the copy in half a minute. */
const BUCKET_MS = 90_000;
/** Uploads of a mount that lives move on, or begin anew, within days. */
const ORPHANED_MS = 7 * 24 * 3600_000;

/** Sends some twenty small requests and one of 5 MiB; of a read-only mount three. */
export async function checkBucket(
  mount: MountConfig,
  bucket: BucketStore,
  clock: Clock,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const findings = new Findings(mount.name);
  using deadline = new Deadline(signal, BUCKET_MS);
  const resource = `arn:aws:s3:::${mount.bucket}/${mount.prefix}*`;
  try {
    if (!await checkIdentity(mount, bucket, findings, deadline.signal)) return findings.list;
    if (!await isReachable(mount, bucket, findings, deadline.signal)) return findings.list;
    checkRegion(mount, bucket, findings);
    if (mount.readOnly) await tryReading(bucket, findings, resource, deadline.signal);
    else {
      const { store, quirks } = bucket;
      const removeVersions = bucket.removeVersions.bind(bucket);
      const probe = { store, quirks, resource, clock, removeVersions };
      await probeWrites(probe, findings, deadline.signal);
      await findOrphans(mount, bucket, findings, clock, deadline.signal);
    }
  } catch (error) {
    signal.throwIfAborted();
    findings.failed(
      "bucket",
      error,
      "The folder is slow or fails",
      "Check the network between this machine and the S3 service",
    );
  }
  return findings.list;
}

async function isReachable(
  { name: mount, bucket: name, endpoint }: MountConfig,
  bucket: BucketStore,
  findings: Findings,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await bucket.probe(signal);
    findings.ok("bucket", `"${name}" answers at ${bucket.origin} (${bucket.providerName})`);
    return true;
  } catch (error) {
    signal.throwIfAborted();
    const why = "The folder cannot show what is in S3";
    const allow = missingPermission(error, "");
    const region = error instanceof WrongRegionError ? error.region : undefined;
    if (allow !== undefined) findings.error("bucket", explain(error).message, why, allow);
    else if (region !== undefined) {
      findings.error("bucket.region", explain(error).message, why, regionLine(mount, region));
    } else if (error instanceof ClockSkewError) {
      const fix = "sudo timedatectl set-ntp true";
      findings.error("bucket.clock", explain(error).message, why, fix);
    } else {
      const fix = `Does it answer: curl -sS ${endpoint ?? bucket.origin}`;
      findings.failed("bucket", error, why, fix);
    }
    return false;
  }
}

/** To be asked after the first answer, which corrects a region that is wrong. */
function checkRegion(
  { name, region: written }: MountConfig,
  { region }: BucketStore,
  findings: Findings,
): void {
  if (written === undefined || written === region) {
    return findings.ok("bucket.region", `is in the region "${region}"`);
  }
  findings.warning(
    "bucket.region",
    `is in the region "${region}", not in "${written}"`,
    "Each start first asks at the wrong place",
    regionLine(name, region),
  );
}

/** What to write into the config. */
function regionLine(mount: string, region: string): string {
  return `In the [[mount]] "${mount}" write: region = "${region}"`;
}

/** A read-only mount needs to list and to read, which is tried on the first object. */
async function tryReading(
  { store }: BucketStore,
  findings: Findings,
  resource: string,
  signal: AbortSignal,
): Promise<void> {
  try {
    const { objects: [first] } = await store.list({ prefix: "", maxKeys: 1 }, signal);
    if (first === undefined) return findings.ok("bucket.read", "is empty");
    await (await store.get(first.key, {}, signal)).cancel();
    findings.ok("bucket.read", "can be read");
  } catch (error) {
    signal.throwIfAborted();
    const why = "Files can be seen, but not opened";
    const allow = missingPermission(error, resource);
    if (allow === undefined) findings.failed("bucket.read", error, why, "cloudmount logs");
    else findings.error("bucket.read", explain(error).message, why, allow);
  }
}

/** Parts of uploads that nobody ends are paid for and seen by nobody. */
async function findOrphans(
  { bucket: name, endpoint }: MountConfig,
  { store }: BucketStore,
  findings: Findings,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  let uploads;
  try {
    ({ uploads } = await store.listMultipart({ prefix: "" }, signal));
  } catch {
    // Not everybody may ask, and not every service answers.
    signal.throwIfAborted();
    return;
  }
  const old = uploads.filter(({ initiatedMs }) => clock.nowMs() - initiatedMs > ORPHANED_MS);
  if (old.length === 0) {
    return findings.ok("bucket.uploads", "has no uploads that were given up");
  }
  const option = endpoint === undefined ? "" : ` --endpoint-url ${endpoint}`;
  findings.warning(
    "bucket.uploads",
    `has ${old.length} ${old.length === 1 ? "upload" : "uploads"} begun more than ${
      formatDuration(ORPHANED_MS)
    } ago and never ended, for example of "${old[0]!.key}"`,
    "Their parts are paid for, and no listing shows them",
    `See them: aws s3api list-multipart-uploads --bucket ${name}${option}; and have S3 remove them ` +
      "by a lifecycle rule (AbortIncompleteMultipartUpload)",
  );
}
