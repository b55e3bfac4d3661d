import type { AttrChanges, FileSystem, HandleId, MaybePromise } from "../../vfs/file_system.ts";
import type { SetattrRequest } from "../wire/layout.ts";
import { Opcode } from "../wire/opcodes.ts";
import { GETATTR_FH } from "../wire/protocol_flags.ts";
import { encodeAttr } from "../wire/replies.ts";
import { type FuseOp, type FuseRequest, notImplemented, reply, whenReady } from "./op.ts";
import { withoutSetIds } from "./set_ids.ts";

export const getattr: FuseOp = {
  opcode: Opcode.GETATTR,
  handle({ inode, args, context, layout }, fs) {
    const flags = args.u32();
    args.skip(4);
    const fh = args.u64() as HandleId;
    const attr = fs.getattr(inode, (flags & GETATTR_FH) !== 0 ? fh : undefined, context);
    return whenReady(attr, (result) => reply(encodeAttr(result, layout)));
  },
};

export const setattr: FuseOp = {
  opcode: Opcode.SETATTR,
  handle(request, fs) {
    if (fs.setattr === undefined) notImplemented();
    const { inode, args, context, layout } = request;
    const asked = layout.readSetattr(args);
    const attr = whenReady(
      effectiveChanges(asked, request, fs),
      (changes) => fs.setattr?.(inode, changes, asked.fh, context) ?? notImplemented(),
    );
    return whenReady(attr, (result) => reply(encodeAttr(result, layout)));
  },
};

/** What was asked for, and the set-id bits that go with it (see set_ids.ts). */
function effectiveChanges(
  { changes, fh, killSetIds }: SetattrRequest,
  { inode, context }: FuseRequest,
  fs: FileSystem,
): MaybePromise<AttrChanges> {
  const givesAway = changes.uid !== undefined || changes.gid !== undefined;
  if (changes.mode !== undefined || !(killSetIds || givesAway)) return changes;
  return whenReady(fs.getattr(inode, fh, context), ({ attr }) => {
    const mode = withoutSetIds(attr.mode);
    return mode === attr.mode ? changes : { ...changes, mode: mode & 0o7777 };
  });
}
