/** A program that mounts buckets: how it is started, and what it can do. */
import type { CommandLine } from "../child.ts";
import type { SigningCredentials } from "../../src/s3/sign_v4.ts";

export interface MountPlace {
  readonly bucket: string;
  readonly url: string;
  /** An empty directory. */
  readonly path: string;
}

/** What is mounted, and how. */
export interface Site {
  readonly places: readonly MountPlace[];
  /** Mounted by the same program where it can; nobody waits for them. */
  readonly neighbours: readonly MountPlace[];
  /** Empty at a cold start; a restart finds what the program left there. */
  readonly folder: string;
  readonly credentials: SigningCredentials;
  /** What fsync and close have to wait for, as far as the program has a choice: "remote" is S3. */
  readonly durability: "journal" | "remote";
}

/** What not all programs can do. */
export type Ability = "edit" | "rename" | "git";

export interface Peer {
  readonly name: string;
  readonly path: string;
  readonly abilities: readonly Ability[];
  /** Arguments that print the version. */
  readonly versionArgs?: readonly string[];
  /** One program for all places, or one for each place without neighbours; in the foreground. */
  commands(site: Site): Promise<readonly CommandLine[]>;
  /** Resolves when all that was written is in S3; absent where `close` waits for that. */
  flush?(site: Site): Promise<void>;
}

/** Credentials where programs of the AWS family look for them. */
export function awsEnvironment(site: Site): Record<string, string> {
  return {
    HOME: site.folder,
    AWS_ACCESS_KEY_ID: site.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: site.credentials.secretAccessKey,
    AWS_REGION: "us-east-1",
    AWS_EC2_METADATA_DISABLED: "true",
    AWS_CONFIG_FILE: "/dev/null",
  };
}
