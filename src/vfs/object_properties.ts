/** What the object of a file says besides its bytes. */
import { encodePosixMetadata } from "../listings/posix_metadata.ts";
import type { PutOptions } from "../s3/object_store.ts";
import type { FileInode, KeptProperties } from "./inode.ts";

/**
 * `storageClass` is that of files that have none of their own. `withTime`: with the file's mtime; while
 * it is being written nobody knows that yet, and the object's own time comes near to it.
 */
export function objectProperties(
  { attributes, storageClass }: Pick<FileInode, "attributes" | "storageClass">,
  kept: KeptProperties,
  usual: { readonly storageClass?: string },
  withTime: boolean,
): PutOptions {
  const { mtime: _, ...others } = encodePosixMetadata(attributes, kept.metadata);
  const chosen = storageClass ?? usual.storageClass;
  return {
    contentType: kept.contentType,
    metadata: withTime ? encodePosixMetadata(attributes, kept.metadata) : others,
    tags: kept.tags,
    ...(chosen === undefined ? {} : { storageClass: chosen }),
  };
}
