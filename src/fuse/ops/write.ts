import type { HandleId } from "../../vfs/file_system.ts";
import { Opcode } from "../wire/opcodes.ts";
import { WRITE_KILL_SUIDGID } from "../wire/protocol_flags.ts";
import { encodeCount } from "../wire/replies.ts";
import { type FuseOp, notImplemented, reply, whenReady } from "./op.ts";
import { clearSetIds } from "./set_ids.ts";

export const write: FuseOp = {
  opcode: Opcode.WRITE,
  keepsRequest: true,
  handle({ inode, args, context }, fs) {
    const fh = args.u64() as HandleId;
    const offset = args.i64();
    const size = args.u32();
    const killSetIds = (args.u32() & WRITE_KILL_SUIDGID) !== 0;
    args.skip(16); // lock_owner, flags
    const data = args.bytes(size);
    const cleared = killSetIds ? clearSetIds(inode, fs, context) : undefined;
    const written = whenReady(
      cleared,
      () => fs.write?.(inode, fh, offset, data, context) ?? notImplemented(),
    );
    return whenReady(written, (count) => reply(encodeCount(count)));
  },
};
