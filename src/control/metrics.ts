/**
 * The status document as Prometheus metrics, in the text format 0.0.4
 * (prometheus.io/docs/instrumenting/exposition_formats). Names end with their unit, counters with
 * "_total". What is not known has no sample.
 */
import type { MountState, MountStatus, StatusDocument } from "./protocol.ts";

export type Labels = Readonly<Record<string, string>>;
/** A value that is not known is null. */
export type Sample = readonly [labels: Labels, value: number | null];

export interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: "gauge" | "counter";
  readonly samples: (status: StatusDocument) => readonly Sample[];
}

const STATES: readonly MountState[] = [
  "stopped",
  "starting",
  "mounted",
  "degraded",
  "draining",
  "failed",
];

/** All that is measured. */
export const METRICS: readonly Metric[] = [
  daemon("info", "Version of the daemon.", () => 1, ({ version }) => ({ version })),
  daemon("uptime_seconds", "Since the daemon started.", (status) => status.uptime_seconds),
  daemon("healthy", "1 when no mount is starting, degraded or failed.", (s) => Number(s.healthy)),
  daemon(
    "config_valid",
    "0 when the config file has errors and an earlier state of it is in use.",
    (status) => Number(status.config_error === null),
  ),
  daemon("memory_used_bytes", "File data in memory.", (status) => status.memory.used_bytes),
  daemon("memory_limit_bytes", "What memory_limit says.", (status) => status.memory.limit_bytes),
  daemon("memory_resident_bytes", "Of the process.", (status) => status.memory.rss_bytes),
  daemon("memory_heap_bytes", "Of the program's objects.", (s) => s.memory.heap_bytes),
  daemon("cache_used_bytes", "File data cached on disk.", (status) => status.cache.used_bytes),
  daemon("cache_limit_bytes", "What cache_size says.", (status) => status.cache.limit_bytes),
  daemon("cache_hit_ratio", "Of the bytes read, without a request.", (s) => s.cache.hit_rate),
  daemon("connections_in_use", "Connections to S3 in use.", (s) => s.connections.in_use),
  daemon("connections_limit", "What max_connections says.", (s) => s.connections.limit),
  perMount("mount_info", "What a mount shows.", (mount) => [[{
    bucket: mount.bucket,
    prefix: mount.prefix,
    endpoint: mount.endpoint ?? "",
    mount_point: mount.mount_point,
  }, 1]]),
  perMount(
    "mount_state",
    "1 for the state that a mount is in.",
    (mount) => STATES.map((state) => [{ state }, Number(mount.state === state)]),
  ),
  gauge("pending_files", "Files and removals not in S3 yet.", (m) => m.uploads.pending_files),
  gauge("pending_bytes", "Bytes not in S3 yet.", (m) => m.uploads.pending_bytes),
  gauge("pending_oldest_seconds", "Age of the oldest of them.", (m) => m.uploads.oldest_seconds),
  gauge("uploads_active", "Uploads that run now.", (mount) => mount.uploads.active),
  gauge("conflicts", "Files of which both sides were kept.", (mount) => mount.conflicts.length),
  gauge("inodes", "Files and directories in memory.", (mount) => mount.inodes),
  gauge("hidden_keys", "Objects that no file name can stand for.", (mount) => mount.hidden_keys),
  perMount(
    "requests_total",
    "Requests sent to S3.",
    ({ requests }) =>
      (["get", "put", "list", "head", "copy", "delete", "other"] as const)
        .map((operation) => [{ operation }, requests[operation]]),
    "counter",
  ),
  counter("request_errors_total", "Requests that failed in the end.", (m) => m.requests.errors),
  counter("request_retries_total", "Requests sent again.", (mount) => mount.requests.retries),
  counter("downloaded_bytes_total", "Of bodies, from S3.", (mount) => mount.bytes.downloaded),
  counter("uploaded_bytes_total", "Of bodies, to S3.", (mount) => mount.bytes.uploaded),
  counter("read_bytes_total", "What programs have read.", (mount) => mount.bytes.read),
  gauge("mount_cache_used_bytes", "Cached on disk of a mount.", (mount) => mount.cache.used_bytes),
  gauge("mount_cache_hit_ratio", "Of a mount's bytes read.", (mount) => mount.cache.hit_rate),
  gauge("last_contact_seconds", "Since S3 last answered.", (m) => m.last_contact_seconds),
  perMount("request_latency_seconds", "Until the answer to a request begins.", (mount) => [
    [{ quantile: "0.5" }, seconds(mount.latency_ms_p50)],
    [{ quantile: "0.99" }, seconds(mount.latency_ms_p99)],
  ]),
  gauge(
    "credentials_expire_timestamp_seconds",
    "When the credentials expire.",
    ({ credentials_expire_at: at }) => at === null ? null : Date.parse(at) / 1000,
  ),
];

/** The text that `GET /metrics` answers. */
export function metricsText(status: StatusDocument): string {
  const lines = METRICS.flatMap(({ name, help, type, samples }) => {
    const known = samples(status).flatMap(([labels, value]) =>
      value === null ? [] : [`${name}${labelsText(labels)} ${value}`]
    );
    return known.length === 0 ? [] : [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...known];
  });
  return `${lines.join("\n")}\n`;
}

function daemon(
  name: string,
  help: string,
  value: (status: StatusDocument) => number | null,
  labels: (status: StatusDocument) => Labels = () => ({}),
): Metric {
  const samples = (status: StatusDocument): Sample[] => [[labels(status), value(status)]];
  return { name: `cloudmount_${name}`, help, type: "gauge", samples };
}

function perMount(
  name: string,
  help: string,
  samplesOf: (mount: MountStatus) => readonly Sample[],
  type: Metric["type"] = "gauge",
): Metric {
  const samples = ({ mounts }: StatusDocument) =>
    mounts.flatMap((mount) =>
      samplesOf(mount).map(([labels, value]): Sample => [{ mount: mount.name, ...labels }, value])
    );
  return { name: `cloudmount_${name}`, help, type, samples };
}

function gauge(name: string, help: string, value: (mount: MountStatus) => number | null): Metric {
  return perMount(name, help, (mount) => [[{}, value(mount)]]);
}

function counter(name: string, help: string, value: (mount: MountStatus) => number): Metric {
  return perMount(name, help, (mount) => [[{}, value(mount)]], "counter");
}

function seconds(ms: number | null): number | null {
  return ms === null ? null : ms / 1000;
}

function labelsText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

/** The format's three escapes. */
function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
