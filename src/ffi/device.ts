/**
 * A descriptor that hands over whole messages and may have none yet, as /dev/fuse does: read and
 * written without blocking from this thread, waited for on another one.
 */
import { cString, lastErrno, libc } from "./libc_linux.ts";
import { SystemError } from "./system_error.ts";

const O_RDWR = 0x2;
const O_NONBLOCK = 0x800;
const O_CLOEXEC = 0x80000;
const EFD_CLOEXEC = O_CLOEXEC;
const EFD_NONBLOCK = O_NONBLOCK;
const F_SETFL = 4;
const EINTR = 4;
const EAGAIN = 11;
const POLLIN = 1;
const POLLERR = 8;

/** Smaller messages are cheaper to copy together than to describe piece by piece. */
const GATHER_BYTES_MAX = 16 << 10;
/** Linux's UIO_MAXIOV is 1024. */
const PIECES_MAX = 1000;
const POLLFD_BYTES = 8;

/** Opens `path` close-on-exec: a child that inherited /dev/fuse would keep a dead mount alive. */
export function openDevice(path: string): Device {
  const fd = libc().open(cString(path), O_RDWR | O_NONBLOCK | O_CLOEXEC, 0);
  if (fd < 0) throw SystemError.of(`Cannot open "${path}"`, "open", lastErrno(), path);
  return new Device(fd);
}

export class Device {
  /** -1 once closed. */
  #fd: number;
  /** Wakes `wait` from this thread. */
  readonly #wakeFd: number;
  readonly #pollFds = new Uint8Array(new ArrayBuffer(2 * POLLFD_BYTES));
  readonly #gathered = new Uint8Array(new ArrayBuffer(GATHER_BYTES_MAX));
  readonly #pieces = new BigUint64Array(2 * PIECES_MAX);
  /** While one runs the number must stay ours: it could be given to another file meanwhile. */
  readonly #callsElsewhere = new Set<Promise<number>>();

  /** Takes over `fd`, which is close-on-exec. */
  constructor(fd: number) {
    this.#fd = fd;
    if (libc().fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK) !== 0) {
      throw SystemError.of("Cannot make a descriptor non-blocking", "fcntl", lastErrno());
    }
    this.#wakeFd = libc().eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (this.#wakeFd < 0) throw SystemError.of("Cannot wait for a mount", "eventfd", lastErrno());
    const view = new DataView(this.#pollFds.buffer);
    for (const [index, polled] of [fd, this.#wakeFd].entries()) {
      view.setInt32(index * POLLFD_BYTES, polled, true);
      view.setInt16(index * POLLFD_BYTES + 4, POLLIN, true);
    }
  }

  /** The descriptor's number, to be handed to mount(2). */
  get fd(): number {
    return this.#fd;
  }

  /** Reads one message. Returns its bytes, 0 when there is none, or an error number below zero. */
  read(into: Uint8Array<ArrayBuffer>): number {
    for (;;) {
      const got = libc().read(this.#fd, into, BigInt(into.length));
      if (got >= 0) return got;
      const number = lastErrno();
      if (number === EAGAIN) return 0;
      if (number !== EINTR) return -number;
    }
  }

  /** Writes one message from its pieces without joining large ones; returns 0 or an error number. */
  write(parts: readonly Uint8Array[]): number {
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    const gather = length <= GATHER_BYTES_MAX || parts.length > PIECES_MAX;
    const joined = gather ? this.#gather(parts, length) : undefined;
    if (joined === undefined) this.#describe(parts);
    for (;;) {
      const put = joined !== undefined
        ? libc().write(this.#fd, joined, BigInt(length))
        : libc().writev(this.#fd, this.#pieces, parts.length);
      if (put >= 0) return 0;
      const number = lastErrno();
      if (number !== EINTR && number !== EAGAIN) return number;
    }
  }

  /** Whether a message could be read now. */
  hasMessage(): boolean {
    return (this.#events() & POLLIN) !== 0;
  }

  /** Whether nobody is at the other end any more. */
  isDead(): boolean {
    return (this.#events() & POLLERR) !== 0;
  }

  /** Blocks this thread until there may be something to read, or it is woken, at most for so long. */
  doze(ms: number): void {
    const nanoseconds = BigInt(Math.round(ms * 1e6));
    const timeout = new BigInt64Array([nanoseconds / 1_000_000_000n, nanoseconds % 1_000_000_000n]);
    libc().ppoll(this.#pollFds, 2n, timeout, null);
  }

  /** Resolves when there may be something to read, an error to be read included, or after `wake`. */
  async wait(): Promise<void> {
    await this.#elsewhere(libc().poll_off_thread(this.#pollFds, 2n, -1));
    if (this.#fd >= 0) libc().read(this.#wakeFd, new Uint8Array(8), 8n);
  }

  /** Ends the present `wait`, or the next one. */
  wake(): void {
    if (this.#fd >= 0) libc().write(this.#wakeFd, new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0]), 8n);
  }

  /** Writes one message from another thread, for the kernel may make it wait; tells nothing. */
  async writeElsewhere(message: Uint8Array<ArrayBuffer>): Promise<void> {
    if (this.#fd < 0) return;
    await this.#elsewhere(libc().write_off_thread(this.#fd, message, BigInt(message.length)));
  }

  /** Closes the descriptor when the calls on other threads are over. */
  async close(): Promise<void> {
    if (this.#fd < 0) return;
    this.wake();
    const fd = this.#fd;
    this.#fd = -1;
    while (this.#callsElsewhere.size > 0) await Promise.allSettled([...this.#callsElsewhere]);
    libc().close(fd);
    libc().close(this.#wakeFd);
  }

  #events(): number {
    const polled = new DataView(new ArrayBuffer(POLLFD_BYTES));
    polled.setInt32(0, this.#fd, true);
    polled.setInt16(4, POLLIN, true);
    return libc().poll(new Uint8Array(polled.buffer), 1n, 0) > 0 ? polled.getInt16(6, true) : 0;
  }

  async #elsewhere(call: Promise<number>): Promise<void> {
    this.#callsElsewhere.add(call);
    try {
      await call;
    } finally {
      this.#callsElsewhere.delete(call);
    }
  }

  #gather(parts: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
    const target = length <= GATHER_BYTES_MAX ? this.#gathered : new Uint8Array(length);
    let at = 0;
    for (const part of parts) {
      target.set(part, at);
      at += part.length;
    }
    return target;
  }

  /** Fills the `struct iovec` array. The views stay referenced, and in place, until writev is back. */
  #describe(parts: readonly Uint8Array[]): void {
    let at = 0;
    for (const part of parts) {
      this.#pieces[at++] = Deno.UnsafePointer.value(
        Deno.UnsafePointer.of(part as Uint8Array<ArrayBuffer>),
      );
      this.#pieces[at++] = BigInt(part.length);
    }
  }
}
