/** Whether a mount has credentials, and whose they are. */
import type { MountConfig } from "../../config/types.ts";
import type { BucketStore } from "../../s3/bucket_store.ts";
import { DEFAULT_PROFILE } from "../../wiring/credentials.ts";
import { explain } from "../../wiring/explain.ts";
import type { Findings } from "./finding.ts";

/** False when there are none that anybody knows: S3 need not be asked then. */
export async function checkIdentity(
  mount: MountConfig,
  bucket: Pick<BucketStore, "identity">,
  findings: Findings,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const identity = await bucket.identity(signal);
    if (identity === undefined) {
      findings.ok("credentials", "are not used: requests are not signed");
      return true;
    }
    const { accessKeyIdEnd, arn, expireAtMs } = identity;
    const whose = arn === undefined ? "" : ` of ${arn}`;
    const until = expireAtMs === undefined ? "" : `, until ${new Date(expireAtMs).toISOString()}`;
    findings.ok("credentials", `access key …${accessKeyIdEnd}${whose}${until}`);
    return true;
  } catch (error) {
    signal.throwIfAborted();
    const why = "S3 shows nothing to strangers";
    findings.error("credentials", explain(error).message, why, fixOf(mount));
    return false;
  }
}

function fixOf({ credentials, profile }: MountConfig): string {
  switch (credentials.kind) {
    case "keychain":
      return `cloudmount credentials set ${profile ?? DEFAULT_PROFILE}`;
    case "env":
      return `Set ${credentials.accessKeyIdEnv} and ${credentials.secretAccessKeyEnv} where the daemon runs`;
    default: {
      const option = profile === undefined ? "" : ` --profile ${profile}`;
      return `aws configure${option} (with single sign-on: aws sso login${option}), or: ` +
        `cloudmount credentials set ${profile ?? DEFAULT_PROFILE} and credentials = "keychain"`;
    }
  }
}
