/** What a bucket holds, as files on the local disk: what another S3 program would download. */
import { dirname } from "node:path";
import { S_IFLNK, S_IFMT } from "../../src/base/posix.ts";
import type { OtherClient } from "./mount_client.ts";
import { inParallel } from "./mount_programs.ts";

const AT_ONCE = 16;

/** Downloads all below `prefix` into `folder`, with symbolic links, without modes and times. */
export async function mirrorBucket(
  bucket: OtherClient,
  prefix: string,
  folder: string,
): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  await inParallel(await bucket.keys(prefix), AT_ONCE, async (key) => {
    const path = `${folder}/${key.slice(prefix.length)}`;
    await Deno.mkdir(key.endsWith("/") ? path : dirname(path), { recursive: true });
    if (key.endsWith("/")) return;
    const { bytes, metadata } = await bucket.getWithMetadata(key);
    const mode = Number(metadata["mode"] ?? 0);
    if ((mode & S_IFMT) === S_IFLNK) await Deno.symlink(new TextDecoder().decode(bytes), path);
    else await Deno.writeFile(path, bytes);
  });
}
