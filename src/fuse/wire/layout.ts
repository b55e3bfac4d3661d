/**
 * The messages whose layout differs between systems. Linux's is layout_linux.ts; macOS has larger
 * attributes (creation time, flags), xattr requests with a position, and a rename with flags.
 */
import type { Attr, AttrChanges, HandleId } from "../../vfs/file_system.ts";
import type { ArgumentReader } from "./argument_reader.ts";

/** A SETATTR request. */
export interface SetattrRequest {
  readonly changes: AttrChanges;
  readonly fh: HandleId | undefined;
  /** The set-user-id bit, and the set-group-id bit of a group-executable file, are to be cleared. */
  readonly killSetIds: boolean;
}

export interface WireLayout {
  /** Bytes of `struct fuse_attr`. */
  readonly attrBytes: number;
  writeAttr(view: DataView<ArrayBuffer>, at: number, attr: Attr): void;
  readSetattr(args: ArgumentReader): SetattrRequest;
  /** The head of GETXATTR and LISTXATTR: the bytes that the caller has room for (0: asks the size). */
  readXattrRoom(args: ArgumentReader): number;
  /** The head of SETXATTR. */
  readSetxattr(args: ArgumentReader): { readonly valueBytes: number; readonly flags: number };
}
