/** `cloudmount flush NAME` without the price of a process. */
import { ControlClient } from "../../src/control/client.ts";
import type { BucketName, MountedBuckets } from "./mount_daemon.ts";

/** Lines of [defaults]: close and fsync answer when the change is safe here, as users have it. */
export const JOURNAL = 'durability = "journal"\nfsync = "journal"\n';

const FLUSH_MS = 120_000;

/** Resolves when all that was written to the mount is in S3. */
export async function flushMount(
  mounted: MountedBuckets,
  bucket: BucketName = "alpha",
): Promise<void> {
  using client = new ControlClient(`${mounted.folder}/control.sock`);
  const { id } = await mounted.status(bucket);
  await client.flushMount(id, FLUSH_MS, AbortSignal.timeout(FLUSH_MS));
}
