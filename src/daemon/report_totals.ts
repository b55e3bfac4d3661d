/** What a mount did over all its runs: counters of a daemon never go back. */
import type { MountReport } from "../control/protocol.ts";
import { NO_REQUESTS } from "../s3/request_stats.ts";

/** The report of a mount that has not run yet. */
export const EMPTY_REPORT: MountReport = {
  uploads: {
    pending_files: 0,
    pending_bytes: 0,
    oldest_seconds: null,
    oldest_paths: [],
    active: 0,
    last_error: null,
  },
  conflicts: [],
  lost_and_found: [],
  requests: { ...NO_REQUESTS, errors: 0, retries: 0 },
  bytes: { downloaded: 0, uploaded: 0, read: 0 },
  cache: { used_bytes: 0, hit_rate: null },
  inodes: 0,
  hidden_keys: 0,
  last_contact_seconds: null,
  latency_ms_p50: null,
  latency_ms_p99: null,
  credentials_expire_at: null,
  warnings: [],
};

/** `report` with the counts of `before` added. */
export function withTotals(report: MountReport, before: MountReport): MountReport {
  return {
    ...report,
    requests: summed(report.requests, before.requests),
    bytes: summed(report.bytes, before.bytes),
  };
}

function summed<T extends Readonly<Record<keyof T, number>>>(one: T, other: T): T {
  const sums = { ...one };
  for (const key of Object.keys(one) as (keyof T)[]) {
    sums[key] = one[key] + other[key] as T[keyof T];
  }
  return sums;
}
