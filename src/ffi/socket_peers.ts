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

/**
 * Cuts the connections of other users than `uids` to the socket that this process listens on at `path`;
 * returns these users, one for each connection.
 */
export function cutStrangers(path: string, uids: readonly number[]): number[] {
  const own = socketAddress(path);
  const strangers: number[] = [];
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    const fd = Number(name);
    if (!isBoundTo(fd, own)) continue;
    const uid = peerUid(fd);
    if (uid === undefined || uids.includes(uid)) continue;
    strangers.push(uid);
    libc().shutdown(fd, SHUT_RDWR);
  }
  return strangers;
}

/** An accepted connection has the address of the socket that it was accepted on. */
function isBoundTo(fd: number, address: Uint8Array): boolean {
  const name = new Uint8Array(ADDRESS_BYTES);
  const length = new Uint32Array([ADDRESS_BYTES]);
  if (libc().getsockname(fd, name, length) !== 0) return false;
  return length[0] === address.length && address.every((byte, index) => byte === name[index]);
}

function peerUid(fd: number): number | undefined {
  const credentials = new Uint8Array(CREDENTIALS_BYTES);
  const length = new Uint32Array([CREDENTIALS_BYTES]);
  if (libc().getsockopt(fd, SOL_SOCKET, SO_PEERCRED, credentials, length) !== 0) return undefined;
  return new DataView(credentials.buffer).getUint32(UID_AT, true);
}
