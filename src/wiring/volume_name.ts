/** What a mount shows, by the name under which journal and metadata know it. */
import type { MountConfig } from "../config/types.ts";

/** What is known and pending belongs to bucket and prefix, whatever the mount is called. */
export function volumeOf(
  { endpoint, bucket, prefix }: Pick<MountConfig, "endpoint" | "bucket" | "prefix">,
): string {
  return `${endpoint ?? "aws"}/${bucket}/${prefix}`;
}
