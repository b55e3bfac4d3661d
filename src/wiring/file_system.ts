/** A mount's config and store as a file system. */
import { join } from "node:path";
import { logger } from "../base/log.ts";
import { AttributeLoader } from "../cache/attribute_loader.ts";
import { DirectoryListings } from "../cache/directory_listings.ts";
import type { MountConfig } from "../config/types.ts";
import { StagingArea } from "../content/staging_area.ts";
import { Uploader } from "../content/uploader.ts";
import type { ObjectStore } from "../s3/object_store.ts";
import { S3FileSystem } from "../vfs/s3_file_system.ts";
import type { Resources } from "./resources.ts";

/** A program that waits for its file gets an error after this, whatever the network does. */
const OPERATION_TIMEOUT_MS = 30_000;

/** `store` sees the mounted part of the bucket only. Makes the mount's staging directory. */
export async function createFileSystem(
  mount: MountConfig,
  store: ObjectStore,
  resources: Resources,
): Promise<S3FileSystem> {
  const { clock } = resources;
  const staging = join(resources.stateDir, "staged", mount.name);
  await Deno.mkdir(staging, { recursive: true, mode: 0o700 });
  const known = resources.attributes.of(
    `${mount.endpoint ?? "aws"}/${mount.bucket}/${mount.prefix}`,
  );
  const attributes = new AttributeLoader(store, known, mount.attributes);
  const listings = new DirectoryListings({
    store,
    clock,
    log: logger("cache", mount.name),
    ttlMs: mount.metadataTtlMs,
    attributes,
  });
  return new S3FileSystem({
    store,
    listings,
    attributes,
    blocks: resources.blocks,
    staging: new StagingArea(staging),
    uploader: new Uploader(store, resources.budget, resources.uploadSlots),
    clock,
    log: logger("vfs", mount.name),
    readOnly: mount.readOnly,
    fileMode: mount.fileMode,
    dirMode: mount.dirMode,
    uid: mount.uid ?? Deno.uid() ?? 0,
    gid: mount.gid ?? Deno.gid() ?? 0,
    operationTimeoutMs: OPERATION_TIMEOUT_MS,
    ...(mount.storageClass === undefined ? {} : { storageClass: mount.storageClass }),
    ...(mount.contentType === undefined ? {} : { contentType: mount.contentType }),
  });
}
