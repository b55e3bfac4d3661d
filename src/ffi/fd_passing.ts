/**
 * Receives a descriptor that a child process sends over a socket, as fusermount3 does (unix(7),
 * SCM_RIGHTS). Layout of `msghdr` and `cmsghdr`: glibc, 64 bit.
 */
import { lastErrno, libc } from "./libc_linux.ts";
import { SystemError } from "./system_error.ts";

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0x80000;
const F_SETFD = 2;
const FD_CLOEXEC = 1;
const MSG_DONTWAIT = 0x40;
const MSG_CMSG_CLOEXEC = 0x4000_0000;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;

const MSGHDR_BYTES = 56;
/** CMSG_LEN and CMSG_SPACE of one descriptor. */
const CONTROL_LENGTH = 20;
const CONTROL_BYTES = 24;

/** Two ends of a socket: ours, and one that the next child started inherits. */
export class FdSocket {
  #ours: number;
  #childs: number;

  constructor() {
    const pair = new Int32Array(new ArrayBuffer(8));
    const failed =
      libc().socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, new Uint8Array(pair.buffer)) !== 0;
    if (failed) throw SystemError.of("Cannot make a socket", "socketpair", lastErrno());
    this.#ours = pair[0] ?? -1;
    this.#childs = pair[1] ?? -1;
  }

  /**
   * Runs `start`, which starts the child before it returns, with the number of the child's end. Only
   * during this call is that end inherited, so that no other child gets it.
   */
  shareWith<T>(start: (fd: number) => T): T {
    libc().fcntl(this.#childs, F_SETFD, 0);
    try {
      return start(this.#childs);
    } finally {
      libc().fcntl(this.#childs, F_SETFD, FD_CLOEXEC);
      libc().close(this.#childs);
      this.#childs = -1;
    }
  }

  /** The descriptor that the child has sent, close-on-exec; undefined when there is none. */
  receive(): number | undefined {
    const byte = new Uint8Array(new ArrayBuffer(1));
    const iovec = new BigUint64Array(new ArrayBuffer(16));
    iovec.set([addressOf(byte), 1n]);
    const control = new Uint8Array(new ArrayBuffer(CONTROL_BYTES));
    const message = new Uint8Array(new ArrayBuffer(MSGHDR_BYTES));
    const view = new DataView(message.buffer);
    view.setBigUint64(16, addressOf(new Uint8Array(iovec.buffer)), true);
    view.setBigUint64(24, 1n, true);
    view.setBigUint64(32, addressOf(control), true);
    view.setBigUint64(40, BigInt(CONTROL_BYTES), true);
    const got = libc().recvmsg(this.#ours, message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (got <= 0) return undefined;
    const header = new DataView(control.buffer);
    const isDescriptor = header.getBigUint64(0, true) === BigInt(CONTROL_LENGTH) &&
      header.getInt32(8, true) === SOL_SOCKET && header.getInt32(12, true) === SCM_RIGHTS;
    return isDescriptor ? header.getInt32(16, true) : undefined;
  }

  close(): void {
    if (this.#ours >= 0) libc().close(this.#ours);
    this.#ours = -1;
    if (this.#childs >= 0) libc().close(this.#childs);
    this.#childs = -1;
  }
}

function addressOf(bytes: Uint8Array<ArrayBuffer>): bigint {
  return Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes));
}
