/** A mount's config and store as a file system. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { ContinuousClock } from "../base/continuous_clock.ts";
import { logger } from "../base/log.ts";
import { AttributeLoader } from "../listings/attribute_loader.ts";
import { DirectoryListings } from "../listings/directory_listings.ts";
import { KeptListings } from "../listings/kept_listings.ts";
import type { EndpointContact } from "../listings/listing_refresher.ts";
import { OutdatedListings } from "../listings/outdated_listings.ts";
import { lostAndFoundDirectory } from "../config/paths.ts";
import type { MountConfig } from "../config/types.ts";
import { StagingArea } from "../content/staging_area.ts";
import { Uploader } from "../content/uploader.ts";
import type { ObjectStore } from "../s3/object_store.ts";
import type { SavedState } from "../vfs/handover/saved_state.ts";
import type { StateLog } from "../vfs/handover/state_log.ts";
import { S3FileSystem } from "../vfs/s3_file_system.ts";
import { withRoom } from "./disk_cache.ts";
import type { Resources } from "./resources.ts";
import { volumeOf } from "./volume_name.ts";

/** A program that waits for its file gets an error after this, whatever the network does. */
const OPERATION_TIMEOUT_MS = 30_000;

export interface HandedOver {
  /** What an earlier process that served the mount has told. */
  readonly saved?: SavedState;
  /** Makes the log for the next one. */
  readonly newLog?: (staging: StagingArea) => StateLog;
}

/** Where a mount's objects are. */
export interface Objects {
  /** Sees the mounted part of the bucket only. */
  readonly store: ObjectStore;
  readonly contact: EndpointContact;
}

/** What an earlier run has left in the journal is there again when the promise resolves. */
export async function createFileSystem(
  mount: MountConfig,
  { store, contact }: Objects,
  resources: Resources,
  handedOver: HandedOver = {},
): Promise<{ readonly fileSystem: S3FileSystem; readonly listings: DirectoryListings }> {
  const { clock } = resources;
  const volume = volumeOf(mount);
  const directory = await privateDirectory(resources.stateDir, "staged", shortName(volume));
  const staging = new StagingArea(directory, resources.makeRoom, resources.openFiles);
  const lostAndFound = await privateDirectory(
    lostAndFoundDirectory(resources.stateDir),
    mount.name,
  );
  const attributes = new AttributeLoader(store, resources.attributes.of(volume), mount.attributes);
  const journal = withRoom(
    resources.journal.of(volume),
    resources.stateDir,
    resources.makeRoom,
  );
  const { kept, outdated } = keptListings(mount, resources);
  const listings = new DirectoryListings({
    kept,
    store,
    clock: new ContinuousClock(clock),
    log: logger("cache", mount.name),
    ttlMs: mount.metadataTtlMs,
    attributes,
    contact,
  });
  const fileSystem = new S3FileSystem({
    store,
    stateLog: handedOver.newLog?.(staging),
    listings,
    attributes,
    blocks: resources.blocks,
    readers: resources.readers,
    staging,
    uploader: new Uploader(store, resources.budget),
    journal: outdated.within(journal),
    journalIsTrusted: resources.journal.isWhole(volume),
    lanes: resources.lanes,
    lostAndFound,
    host: Deno.hostname(),
    durability: mount.durability,
    fsync: mount.fsync,
    clock,
    log: logger("vfs", mount.name),
    prefix: mount.prefix,
    readOnly: mount.readOnly,
    fileMode: mount.fileMode,
    dirMode: mount.dirMode,
    uid: mount.uid ?? Deno.uid() ?? 0,
    gid: mount.gid ?? Deno.gid() ?? 0,
    operationTimeoutMs: OPERATION_TIMEOUT_MS,
    ...(mount.storageClass === undefined ? {} : { storageClass: mount.storageClass }),
    ...(mount.contentType === undefined ? {} : { contentType: mount.contentType }),
  });
  try {
    await fileSystem.recover(handedOver.saved);
    await resources.journal.setWhole(volume);
    resources.noteMounted(volume);
    return { fileSystem, listings };
  } catch (error) {
    // What is half restored must not be taken for what is to be kept.
    if (handedOver.saved === undefined) await fileSystem.close();
    else fileSystem.giveUp();
    throw error;
  }
}

/** Listings on disk, and the marks in the journal that say which of them are outdated. */
function keptListings(
  mount: MountConfig,
  { journal, listings, clock }: Resources,
): { readonly kept: KeptListings; readonly outdated: OutdatedListings } {
  const volume = volumeOf(mount);
  // A read-only mount does not know what one that writes beside it has promised: it has its own.
  const owner = mount.readOnly ? `${volume} (read-only)` : volume;
  const rows = listings.of(owner);
  const outdated = new OutdatedListings();
  // Without all marks nobody knows what is outdated.
  if (!journal.isWhole(volume)) rows.deleteBelow("");
  return {
    kept: new KeptListings({ rows, outdated, journal: journal.of(owner), clock }),
    outdated,
  };
}

async function privateDirectory(...parts: readonly string[]): Promise<string> {
  const path = join(...parts);
  await Deno.mkdir(path, { recursive: true, mode: 0o700 });
  return path;
}

/** A file name for a text of any length. */
function shortName(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}
