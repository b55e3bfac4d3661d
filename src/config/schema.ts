/**
 * Every key of the config file: one row per key. Parsing, `config show`, the nearest-key advice and
 * the test of cloudmount.example.toml all read these tables.
 */
import {
  absolutePath,
  duration,
  flag,
  integer,
  type Kind,
  oneOf,
  pattern,
  permissions,
  rate,
  size,
  text,
  writtenDuration,
  writtenMode,
  writtenRate,
  writtenSize,
} from "./kinds.ts";
import {
  bucketName,
  credentials,
  endpointUrl,
  keyPrefix,
  mountName,
  mountPoint,
  writtenCredentials,
} from "./mount_kinds.ts";
import type { DaemonConfig, MountConfig } from "./types.ts";

/** One key. */
export interface KeyRow<T> {
  /** As written in the file. */
  readonly key: string;
  readonly kind: Kind<T>;
  /** As it would be written in the file; absent when there is none. */
  readonly default?: string | number | boolean;
  /** The value as written in the file, when the program's own form differs. */
  readonly written?: (value: T) => string | Readonly<Record<string, string>>;
  /** What holds when the key is absent and has no default. */
  readonly otherwise?: string;
  /** Must be written. */
  readonly required?: true;
  /** May not stand in [defaults]: it differs from mount to mount. */
  readonly ownOnly?: true;
  /** For people. */
  readonly doc: string;
}

/** A row for each field of `T`. */
export type Rows<T> = { readonly [Field in keyof T]-?: KeyRow<Exclude<T[Field], undefined>> };

const KIB = 2 ** 10;
const MIB = 2 ** 20;
const TIB = 2 ** 40;

/** `[daemon]` */
export const DAEMON_KEYS: Rows<DaemonConfig> = {
  stateDir: {
    key: "state_dir",
    kind: absolutePath,
    otherwise: "the system's place for state",
    doc: "Where staged writes and other state are kept.",
  },
  cacheDir: {
    key: "cache_dir",
    kind: absolutePath,
    otherwise: "the system's place for caches",
    doc: "Where blocks of objects are kept; may be deleted while no daemon runs.",
  },
  cacheSizeBytes: {
    key: "cache_size",
    kind: size(0, 1024 * TIB),
    written: writtenSize,
    otherwise: "20GiB, or half of the free disk if that is less",
    doc: "One disk budget for all mounts; 0B: nothing is kept on disk.",
  },
  socket: {
    key: "socket",
    kind: absolutePath,
    otherwise: "in the system's runtime directory",
    doc: "The control socket.",
  },
  memoryLimitBytes: {
    key: "memory_limit",
    // Below 64 MiB, parallel readahead (8 MiB parts) cannot run beside an upload.
    kind: size(64 * MIB, TIB),
    written: writtenSize,
    default: "512MiB",
    doc: "One memory budget for all mounts.",
  },
  maxConnections: {
    key: "max_connections",
    kind: integer(2, 1024),
    default: 64,
    doc: "One connection pool for all mounts.",
  },
  uploadLimit: {
    key: "upload_limit",
    kind: rate(16 * KIB, TIB),
    written: writtenRate,
    otherwise: "no limit",
    doc: 'How fast file contents go to S3, all mounts together: "10MiB/s".',
  },
  downloadLimit: {
    key: "download_limit",
    kind: rate(16 * KIB, TIB),
    written: writtenRate,
    otherwise: "no limit",
    doc: 'How fast answers of S3 come, all mounts together: "10MiB/s".',
  },
  logLevel: {
    key: "log_level",
    kind: oneOf("debug", "info", "warning", "error"),
    default: "info",
    doc: "How much is logged: debug, info, warning or error.",
  },
  sentryDsn: {
    key: "sentry_dsn",
    kind: pattern(
      /^https?:\/\/[A-Za-z0-9]+@[A-Za-z0-9.:[\]-]+\/(?:[\w.-]+\/)*\d+$/,
      "a Sentry DSN",
      'like "https://KEY@HOST/PROJECT"',
    ),
    otherwise: "nothing is reported",
    doc: "A Sentry project that errors are reported to, without names of yours.",
  },
};

/** `[[mount]]`, and but for `ownOnly` rows `[defaults]`. */
export const MOUNT_KEYS: Rows<MountConfig> = {
  name: {
    key: "name",
    kind: mountName,
    required: true,
    ownOnly: true,
    doc: "How commands call the mount; unique.",
  },
  bucket: {
    key: "bucket",
    kind: bucketName,
    required: true,
    ownOnly: true,
    doc: "The bucket.",
  },
  prefix: {
    key: "prefix",
    kind: keyPrefix,
    default: "",
    ownOnly: true,
    doc: 'Mounts a part of the bucket: "a/b/".',
  },
  mountPoint: {
    key: "mount_point",
    kind: mountPoint,
    required: true,
    ownOnly: true,
    doc: "The folder; created if missing, must be empty.",
  },
  endpoint: {
    key: "endpoint",
    kind: endpointUrl,
    otherwise: "Amazon S3",
    doc: "The base URL of another S3 service.",
  },
  region: {
    key: "region",
    kind: pattern(/^[A-Za-z0-9-]{1,64}$/, "a region", 'like "eu-central-1"'),
    otherwise: "the profile's, or found out",
    doc: "The bucket's region.",
  },
  profile: {
    key: "profile",
    kind: text(),
    otherwise: "AWS_PROFILE, or the default profile",
    doc: "A profile of ~/.aws/config and ~/.aws/credentials, or of the keychain.",
  },
  pathStyle: {
    key: "path_style",
    kind: flag,
    otherwise: "decided by the endpoint",
    doc: "The bucket goes to the URL's path (true) or host name (false).",
  },
  credentials: {
    key: "credentials",
    kind: credentials,
    written: writtenCredentials,
    default: "chain",
    doc: 'Where keys come from: "chain", "keychain", "anonymous" or two environment variables.',
  },
  readOnly: { key: "read_only", kind: flag, default: false, doc: "Refuses every change." },
  autoMount: {
    key: "auto_mount",
    kind: flag,
    default: true,
    doc: "Mounts when the daemon starts; else only on `cloudmount mount`.",
  },
  enabled: { key: "enabled", kind: flag, default: true, doc: "False: as if it were not here." },
  durability: {
    key: "durability",
    kind: oneOf("journal", "remote"),
    default: "journal",
    doc: 'What close waits for: "journal": safe on this disk; "remote": in S3.',
  },
  fsync: {
    key: "fsync",
    kind: oneOf("journal", "remote"),
    default: "journal",
    doc: 'What fsync waits for: "journal": safe on this disk; "remote": in S3.',
  },
  metadataTtlMs: {
    key: "metadata_ttl",
    kind: duration(365 * 86400e3, "365d"),
    written: writtenDuration,
    default: "60s",
    doc: "How long listings and attributes are believed.",
  },
  cacheSizeBytes: {
    key: "cache_size",
    kind: size(0, 1024 * TIB),
    written: writtenSize,
    otherwise: "as much as there is",
    doc: "The mount's share of [daemon] cache_size, at most.",
  },
  attributes: {
    key: "attributes",
    kind: oneOf("fast", "full"),
    default: "fast",
    doc: '"fast": what a listing tells; "full": each object\'s metadata, a request per object.',
  },
  fileMode: {
    key: "file_mode",
    kind: permissions,
    written: writtenMode,
    default: "0644",
    doc: "Permissions of files that have none of their own.",
  },
  dirMode: {
    key: "dir_mode",
    kind: permissions,
    written: writtenMode,
    default: "0755",
    doc: "Permissions of directories that have none of their own.",
  },
  uid: {
    key: "uid",
    kind: integer(0, 2 ** 32 - 2),
    otherwise: "who runs the daemon",
    doc: "Owner of what has none of its own.",
  },
  gid: {
    key: "gid",
    kind: integer(0, 2 ** 32 - 2),
    otherwise: "who runs the daemon",
    doc: "Group of what has none of its own.",
  },
  allowOther: {
    key: "allow_other",
    kind: flag,
    default: false,
    doc: "Lets other users in (needs user_allow_other in /etc/fuse.conf).",
  },
  storageClass: {
    key: "storage_class",
    kind: pattern(/^[A-Z][A-Z0-9_]{0,63}$/, "a storage class", 'like "STANDARD_IA"'),
    otherwise: "the bucket's",
    doc: "Storage class of new objects.",
  },
  sse: {
    key: "sse",
    kind: oneOf("AES256", "aws:kms", "aws:kms:dsse"),
    otherwise: "the bucket's",
    doc: "Server-side encryption of new objects: AES256, aws:kms or aws:kms:dsse.",
  },
  sseKmsKeyId: {
    key: "sse_kms_key_id",
    kind: text(),
    otherwise: "the bucket's",
    doc: "The KMS key for aws:kms.",
  },
  requesterPays: {
    key: "requester_pays",
    kind: flag,
    default: false,
    doc: "You pay for requests to a bucket of somebody else.",
  },
  acl: {
    key: "acl",
    kind: oneOf(
      "private",
      "public-read",
      "public-read-write",
      "authenticated-read",
      "aws-exec-read",
      "bucket-owner-read",
      "bucket-owner-full-control",
    ),
    otherwise: "the bucket's",
    doc: "A canned ACL for new objects.",
  },
  contentType: {
    key: "content_type",
    kind: pattern(/^[\w.+-]+\/[\w.+-]+(\s*;.*)?$/, "a content type", 'like "text/plain"'),
    otherwise: "by the file name's extension",
    doc: "Content type of new objects.",
  },
};

/** Keys of later releases, by section: refused rather than ignored. The text says what to do. */
export const LATER_KEYS: Readonly<Record<"daemon" | "mount", Readonly<Record<string, string>>>> = {
  daemon: {},
  mount: {
    hide: "remove it",
  },
};

/** Sections of later releases. */
export const LATER_SECTIONS: Readonly<Record<string, string>> = {
  dashboard: "remove it: use `cloudmount status` in this release",
};

/** Sections of the file. */
export const SECTIONS = ["daemon", "defaults", "mount"] as const;
