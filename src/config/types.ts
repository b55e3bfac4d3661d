/** The configuration as the rest of the program sees it: every default filled in, paths absolute. */

/** Where a mount's credentials come from. */
export type CredentialsSource =
  /** The AWS chain: environment, profile, SSO, process, web identity, container, instance. */
  | { readonly kind: "chain" }
  /** What `cloudmount credentials set` was given for the mount's profile, or for "default". */
  | { readonly kind: "keychain" }
  /** Requests are not signed. */
  | { readonly kind: "anonymous" }
  /** Two environment variables of the daemon, by name. */
  | {
    readonly kind: "env";
    readonly accessKeyIdEnv: string;
    readonly secretAccessKeyEnv: string;
  };

/** Where a change must be before it is acknowledged. */
export type Durability = "journal" | "remote";

export type LogLevel = "debug" | "info" | "warning" | "error";

export interface DaemonConfig {
  readonly stateDir: string;
  /** What may be deleted at any time while no daemon runs. */
  readonly cacheDir: string;
  /** One disk budget for all mounts, 0 for no cache on disk; absent: decided by the disk. */
  readonly cacheSizeBytes?: number;
  /** Path of the control socket. */
  readonly socket: string;
  /** One memory budget for all mounts. */
  readonly memoryLimitBytes: number;
  /** One connection pool for all mounts. */
  readonly maxConnections: number;
  /** Bytes per second of all mounts together, each way; absent: no limit. */
  readonly uploadLimit?: number;
  readonly downloadLimit?: number;
  readonly logLevel: LogLevel;
  /** Where errors are reported, without data of users; absent: nowhere. */
  readonly sentryDsn?: string;
}

/** One bucket, or a part of one, as a folder. */
export interface MountConfig {
  /** Unique; how commands call the mount. */
  readonly name: string;
  readonly bucket: string;
  /** "" or a key prefix that ends with "/". */
  readonly prefix: string;
  /** Absolute path. */
  readonly mountPoint: string;
  /** Base URL; absent: AWS. */
  readonly endpoint?: string;
  readonly region?: string;
  /** Profile of the AWS config files, or of the keychain. */
  readonly profile?: string;
  /** Absent: decided by the endpoint. */
  readonly pathStyle?: boolean;
  readonly credentials: CredentialsSource;
  readonly readOnly: boolean;
  readonly autoMount: boolean;
  readonly enabled: boolean;
  /** What close and the changes of names wait for: "journal": on disk here; "remote": in S3. */
  readonly durability: Durability;
  /** What fsync waits for. */
  readonly fsync: Durability;
  /** How long listings and attributes are believed. */
  readonly metadataTtlMs: number;
  /** Of the cache on disk, this mount has so much at most; absent: all of it. */
  readonly cacheSizeBytes?: number;
  /** "fast": what a LIST tells, plus what this machine set; "full": each object's metadata as well. */
  readonly attributes: "fast" | "full";
  /** Permission bits of files and directories that have none of their own. */
  readonly fileMode: number;
  readonly dirMode: number;
  /** Owner of what has none of its own; absent: who runs the daemon. */
  readonly uid?: number;
  readonly gid?: number;
  readonly allowOther: boolean;
  readonly storageClass?: string;
  /** Server-side encryption: "AES256", "aws:kms" or "aws:kms:dsse". */
  readonly sse?: string;
  readonly sseKmsKeyId?: string;
  readonly requesterPays: boolean;
  /** A canned ACL, for example "bucket-owner-full-control". */
  readonly acl?: string;
  /** For every new object; absent: by the name's extension. */
  readonly contentType?: string;
}

export interface Config {
  /** The file it was read from. */
  readonly path: string;
  readonly daemon: DaemonConfig;
  readonly mounts: readonly MountConfig[];
}
