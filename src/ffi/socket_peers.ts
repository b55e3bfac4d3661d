/**
 * Who is at the other end of this process's unix sockets, by SO_PEERCRED (unix(7)): the kernel notes it
 * when a connection is made. Deno does not show the descriptors of connections that it has accepted, so
 * all of the process are looked at.
 */
import { socketAddress } from "./datagram.ts";
import { libc } from "./libc_linux.ts";

const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
const SHUT_RDWR = 2;
/** sizeof(struct sockaddr_un), and of struct ucred: pid, uid, gid. */
const ADDRESS_BYTES = 110;
const CREDENTIALS_BYTES = 12;
const UID_AT = 4;

/** Filled by the kernel again and again: buffers of its own for each descriptor cost more than the call. */
const name = new Uint8Array(ADDRESS_BYTES);
const nameLength = new Uint32Array(1);

/**
 * Cuts the connections of other users than `uids` to the socket that this process listens on at `path`;
 * returns these users, one for each connection. Takes half a microsecond for each descriptor.
 */
export function cutStrangers(path: string, uids: readonly number[]): number[] {
  const own = socketAddress(path);
  const strangers: number[] = [];
  const { getsockname, shutdown } = libc();
  const count = descriptorTableSize();
  for (let fd = 0; fd < count; fd++) {
    nameLength[0] = ADDRESS_BYTES;
    // An accepted connection has the address of the socket that it was accepted on.
    if (getsockname(fd, name, nameLength) !== 0 || !isNamed(own)) continue;
    const uid = peerUid(fd);
    if (uid === undefined || uids.includes(uid)) continue;
    strangers.push(uid);
    shutdown(fd, SHUT_RDWR);
  }
  return strangers;
}

/** Descriptors are below it (proc_pid_status(5)). Listing /proc/self/fd takes ten times as long. */
function descriptorTableSize(): number {
  const size = /^FDSize:\s+(\d+)$/m.exec(Deno.readTextFileSync("/proc/self/status"))?.[1];
  if (size === undefined) throw new Error("Cannot find FDSize in /proc/self/status");
  return Number(size);
}

function isNamed(address: Uint8Array): boolean {
  return nameLength[0] === address.length && address.every((byte, index) => byte === name[index]);
}

function peerUid(fd: number): number | undefined {
  const credentials = new Uint8Array(CREDENTIALS_BYTES);
  const length = new Uint32Array([CREDENTIALS_BYTES]);
  if (libc().getsockopt(fd, SOL_SOCKET, SO_PEERCRED, credentials, length) !== 0) return undefined;
  return new DataView(credentials.buffer).getUint32(UID_AT, true);
}
