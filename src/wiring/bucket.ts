/** A mount's config as the store of its bucket. */
import type { MountConfig } from "../config/types.ts";
import { type BucketStore, createBucketStore } from "../s3/bucket_store.ts";
import type { ReadEnv } from "../s3/credentials.ts";
import { credentialsOptions } from "./credentials.ts";
import type { Resources } from "./resources.ts";

/** Sends nothing yet. */
export function openBucket(
  mount: MountConfig,
  { pool, clock, keychain }: Pick<Resources, "pool" | "clock" | "keychain">,
  readEnv: ReadEnv,
): BucketStore {
  const { bucket, prefix, requesterPays } = mount;
  const { endpoint, region, profile, pathStyle, sse, sseKmsKeyId, acl } = mount;
  return createBucketStore({
    bucket,
    prefix,
    credentials: credentialsOptions(mount, keychain),
    requesterPays,
    readEnv,
    clock,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(region === undefined ? {} : { region }),
    ...(profile === undefined ? {} : { profile }),
    ...(pathStyle === undefined ? {} : { pathStyle }),
    ...(sse === undefined ? {} : { sse }),
    ...(sseKmsKeyId === undefined ? {} : { sseKmsKeyId }),
    ...(acl === undefined ? {} : { acl }),
  }, pool);
}
