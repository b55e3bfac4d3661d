/** Sends one message to a unix datagram socket, as sd_notify(3) does. Layout of `sockaddr_un`: unix(7). */
import { sendMessage } from "./descriptor_message.ts";
import { lastErrno, libc } from "./libc_linux.ts";
import { SystemError } from "./system_error.ts";

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0x80000;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;

/** `sun_path` holds no more. */
const PATH_BYTES_MAX = 108;

/**
 * Sends `text`, with descriptors perhaps, to the socket at `address`: a path, or "@name" for a name of Linux's abstract namespace.
 * Never waits: throws `SystemError` with EAGAIN when the receiver's queue is full.
 */
export function sendDatagram(
  address: string,
  text: string,
  descriptors: readonly number[] = [],
): void {
  const name = socketAddress(address);
  const message = new TextEncoder().encode(text);
  const fd = libc().socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) throw SystemError.of("Cannot make a socket", "socket", lastErrno());
  try {
    if (descriptors.length > 0) return sendMessage(fd, { text, descriptors }, name);
    const length = BigInt(message.length);
    const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    if (libc().sendto(fd, message, length, flags, name, name.length) < 0) {
      throw SystemError.of(`Cannot send to "${address}"`, "sendto", lastErrno(), address);
    }
  } finally {
    libc().close(fd);
  }
}

/** The bytes of a `sockaddr_un`, without what is not used of it: in abstract names every byte counts. */
export function socketAddress(address: string): Uint8Array<ArrayBuffer> {
  const path = new TextEncoder().encode(address);
  const isAbstract = address.startsWith("@");
  if (path.length === 0 || path.length > PATH_BYTES_MAX - 1) {
    throw new TypeError(
      `Cannot use "${address}" as a socket's address: it must have 1 to ${
        PATH_BYTES_MAX - 1
      } bytes`,
    );
  }
  if (isAbstract) path[0] = 0;
  const bytes = new Uint8Array(2 + path.length + (isAbstract ? 0 : 1));
  new DataView(bytes.buffer).setUint16(0, AF_UNIX, true);
  bytes.set(path, 2);
  return bytes;
}
