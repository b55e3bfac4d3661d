/**
 * Messages over unix sockets that carry descriptors (unix(7), SCM_RIGHTS). Layout of `msghdr` and
 * `cmsghdr`: glibc, 64 bit.
 */
import { lastErrno, libc } from "./libc_linux.ts";
import { SystemError } from "./system_error.ts";

const AF_UNIX = 1;
const SOCK_SEQPACKET = 5;
const SOCK_CLOEXEC = 0x80000;
const F_SETFD = 2;
const FD_CLOEXEC = 1;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x4000_0000;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const EAGAIN = 11;
const EINTR = 4;
const POLLIN = 1;

/** `struct msghdr` has 56 bytes; behind it come here an `iovec`, room for a `cmsghdr`, and the text. */
const PIECE_AT = 56;
const CONTROL_AT = 72;
const CONTROL_LENGTH_AT = 40;
const CMSGHDR_BYTES = 16;
/** Descriptors in one message. */
const DESCRIPTORS_MAX = 4;
const TEXT_AT = CONTROL_AT + CMSGHDR_BYTES + 4 * DESCRIPTORS_MAX;
const TEXT_BYTES_MAX = 4096;
const NO_DESCRIPTORS = new Array<number>(DESCRIPTORS_MAX).fill(-1);

export interface DescriptorMessage {
  readonly text: string;
  /** Close-on-exec; they are the receiver's to close. */
  readonly descriptors: readonly number[];
}

/**
 * Sends a message over the socket `fd`, to `address` (bytes of a `sockaddr`) if it is not connected. Never
 * waits: throws `SystemError` with EAGAIN when the receiver's queue is full.
 */
export function sendMessage(
  fd: number,
  { text, descriptors }: DescriptorMessage,
  address?: Uint8Array<ArrayBuffer>,
): void {
  const block = new MessageBlock(new TextEncoder().encode(text), descriptors, address);
  while (libc().sendmsg(fd, block.bytes, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
    const number = lastErrno();
    if (number !== EINTR) throw SystemError.of("Cannot send descriptors", "sendmsg", number);
  }
}

/** A message that is there; undefined when there is none now; "ended" when the other end is closed. */
export function receiveMessage(fd: number): DescriptorMessage | "ended" | undefined {
  const block = new MessageBlock(new Uint8Array(TEXT_BYTES_MAX), NO_DESCRIPTORS);
  const got = libc().recvmsg(fd, block.bytes, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (got === 0) return "ended";
  if (got < 0) {
    const number = lastErrno();
    return number === EAGAIN || number === EINTR ? undefined : "ended";
  }
  return { text: new TextDecoder().decode(block.text(got)), descriptors: block.descriptors() };
}

/** A connected pair of sockets for messages, close-on-exec. */
export function socketPair(): readonly [number, number] {
  const pair = new Int32Array(new ArrayBuffer(8));
  const type = SOCK_SEQPACKET | SOCK_CLOEXEC;
  if (libc().socketpair(AF_UNIX, type, 0, new Uint8Array(pair.buffer)) !== 0) {
    throw SystemError.of("Cannot make a socket", "socketpair", lastErrno());
  }
  return [pair[0]!, pair[1]!];
}

/** Resolves when the socket has something to tell. */
export async function waitForMessage(fd: number): Promise<void> {
  const polled = new DataView(new ArrayBuffer(8));
  polled.setInt32(0, fd, true);
  polled.setInt16(4, POLLIN, true);
  await libc().poll_off_thread(new Uint8Array(polled.buffer), 1n, -1);
}

/** Whether children inherit the descriptor. */
export function setInherited(fd: number, inherited: boolean): void {
  if (libc().fcntl(fd, F_SETFD, inherited ? 0 : FD_CLOEXEC) !== 0) {
    throw SystemError.of(`Cannot use descriptor ${fd}`, "fcntl", lastErrno());
  }
}

export function closeDescriptor(fd: number): void {
  libc().close(fd);
}

/** A `msghdr` with all that it points to, in one piece of memory: so all of it stays where it is. */
class MessageBlock {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;

  constructor(
    text: Uint8Array,
    descriptors: readonly number[],
    address: Uint8Array = new Uint8Array(),
  ) {
    const length = CMSGHDR_BYTES + 8 * Math.ceil(descriptors.length / 2);
    this.bytes = new Uint8Array(TEXT_AT + text.length + address.length);
    this.#view = new DataView(this.bytes.buffer);
    this.bytes.set(text, TEXT_AT);
    this.bytes.set(address, TEXT_AT + text.length);
    if (address.length > 0) this.#point(0, TEXT_AT + text.length, address.length);
    this.#point(16, PIECE_AT, 1);
    this.#point(PIECE_AT, TEXT_AT, text.length);
    if (descriptors.length > 0) this.#point(32, CONTROL_AT, length);
    this.#view.setBigUint64(CONTROL_AT, BigInt(CMSGHDR_BYTES + 4 * descriptors.length), true);
    this.#view.setInt32(CONTROL_AT + 8, SOL_SOCKET, true);
    this.#view.setInt32(CONTROL_AT + 12, SCM_RIGHTS, true);
    descriptors.forEach((fd, i) => this.#view.setInt32(descriptorAt(i), fd, true));
  }

  /** The received text. */
  text(length: number): Uint8Array {
    return this.bytes.subarray(TEXT_AT, TEXT_AT + length);
  }

  /** The received descriptors. */
  descriptors(): number[] {
    if (Number(this.#view.getBigUint64(CONTROL_LENGTH_AT, true)) < CMSGHDR_BYTES) return [];
    const isRights = this.#view.getInt32(CONTROL_AT + 8, true) === SOL_SOCKET &&
      this.#view.getInt32(CONTROL_AT + 12, true) === SCM_RIGHTS;
    if (!isRights) return [];
    const bytes = Number(this.#view.getBigUint64(CONTROL_AT, true)) - CMSGHDR_BYTES;
    return Array.from(
      { length: Math.floor(bytes / 4) },
      (_, i) => this.#view.getInt32(descriptorAt(i), true),
    );
  }

  /** Writes an address within the block, and a length behind it. */
  #point(at: number, target: number, length: number): void {
    const base = Deno.UnsafePointer.value(Deno.UnsafePointer.of(this.bytes));
    this.#view.setBigUint64(at, base + BigInt(target), true);
    this.#view.setBigUint64(at + 8, BigInt(length), true);
  }
}

function descriptorAt(index: number): number {
  return CONTROL_AT + CMSGHDR_BYTES + 4 * index;
}
