/**
 * Sockets, pipes and epoll by libc (Linux). `splice` moves bytes between sockets without copying them
 * through the program: of two cores that server, proxy and mount share, a proxy that copies takes so
 * much that it is what gets measured.
 */

const libc = Deno.dlopen("libc.so.6", {
  __errno_location: { parameters: [], result: "pointer" },
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  listen: { parameters: ["i32", "i32"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  accept4: { parameters: ["i32", "pointer", "pointer", "i32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  pipe2: { parameters: ["buffer", "i32"], result: "i32" },
  splice: { parameters: ["i32", "pointer", "i32", "pointer", "usize", "u32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  write: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  epoll_create1: { parameters: ["i32"], result: "i32" },
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  epoll_wait: { parameters: ["i32", "buffer", "i32", "i32"], result: "i32" },
});
const { symbols } = libc;

const AF_INET = 2;
const SOCK_STREAM = 1;
const NONBLOCK = 0o4000;
const CLOEXEC = 0o2000000;
const F_GETFL = 3;
const F_SETFL = 4;
const F_SETPIPE_SZ = 1031;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const SHUT_WR = 1;
const SPLICE_F_MOVE_NONBLOCK = 1 | 2;
const EAGAIN = 11;
const EINTR = 4;
const EPOLL_CTL_ADD = 1;
const EPOLLIN = 0x1;
const EPOLLOUT = 0x4;
const EPOLLERR_HUP = 0x8 | 0x10;
const EPOLLET = 0x80000000;
/** The kernel's default limit for one pipe. */
export const PIPE_BYTES = 1024 * 1024;
const EVENTS_MAX = 128;
/** `struct epoll_event` is packed on x86_64 only. */
const EVENT_BYTES = Deno.build.arch === "x86_64" ? 12 : 16;
const EVENT_DATA_AT = EVENT_BYTES - 8;

/** What a call did: bytes moved (0: the end), or that it must wait, or that the peer is gone. */
export type Moved = number | "again" | "broken";

function errno(): number {
  const place = symbols.__errno_location();
  return place === null ? 0 : new Deno.UnsafePointerView(place).getInt32();
}

function checked(result: number, call: string): number {
  if (result < 0) throw new Error(`Cannot run the proxy: ${call} failed with errno ${errno()}`);
  return result;
}

function moved(result: number): Moved {
  if (result >= 0) return result;
  const number = errno();
  return number === EAGAIN || number === EINTR ? "again" : "broken";
}

/** `struct sockaddr_in` of loopback. */
function loopback(port: number): Uint8Array<ArrayBuffer> {
  const address = new Uint8Array(16);
  const view = new DataView(address.buffer);
  view.setUint16(0, AF_INET, true);
  view.setUint16(2, port);
  address.set([127, 0, 0, 1], 4);
  return address;
}

function newSocket(): number {
  return checked(symbols.socket(AF_INET, SOCK_STREAM | CLOEXEC, 0), "socket");
}

/** Listens on loopback, at any free port. */
export function listen(): { readonly fd: number; readonly port: number } {
  const fd = newSocket();
  checked(symbols.bind(fd, loopback(0), 16), "bind");
  checked(symbols.listen(fd, 1024), "listen");
  setNonblocking(fd);
  const address = new Uint8Array(16);
  checked(symbols.getsockname(fd, address, new Uint32Array([16])), "getsockname");
  return { fd, port: new DataView(address.buffer).getUint16(2) };
}

/** The next client; undefined when none waits. */
export function accept(listener: number): number | undefined {
  const fd = symbols.accept4(listener, null, null, NONBLOCK | CLOEXEC);
  if (fd < 0) return undefined;
  setNoDelay(fd);
  return fd;
}

/** A connection to a server on loopback, where connecting takes no time; undefined when it is refused. */
export function connect(port: number): number | undefined {
  const fd = newSocket();
  if (symbols.connect(fd, loopback(port), 16) < 0) {
    symbols.close(fd);
    return undefined;
  }
  setNonblocking(fd);
  setNoDelay(fd);
  return fd;
}

export function setNonblocking(fd: number): void {
  const flags = checked(symbols.fcntl(fd, F_GETFL, 0), "fcntl");
  checked(symbols.fcntl(fd, F_SETFL, flags | NONBLOCK), "fcntl");
}

function setNoDelay(fd: number): void {
  symbols.setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, new Int32Array([1]), 4);
}

export interface Pipe {
  readonly readFd: number;
  readonly writeFd: number;
}

export function newPipe(): Pipe {
  const fds = new Int32Array(2);
  checked(symbols.pipe2(fds, NONBLOCK | CLOEXEC), "pipe2");
  const [readFd = -1, writeFd = -1] = fds;
  // Best effort: a smaller pipe is only slower.
  symbols.fcntl(writeFd, F_SETPIPE_SZ, PIPE_BYTES);
  return { readFd, writeFd };
}

/** Moves up to `bytes` between a socket and a pipe. */
export function splice(from: number, to: number, bytes: number): Moved {
  return moved(symbols.splice(from, null, to, null, BigInt(bytes), SPLICE_F_MOVE_NONBLOCK));
}

export function read(fd: number, buffer: Uint8Array<ArrayBuffer>): Moved {
  return moved(symbols.read(fd, buffer, BigInt(buffer.length)));
}

export function write(fd: number, bytes: Uint8Array<ArrayBuffer>): Moved {
  return moved(symbols.write(fd, bytes, BigInt(bytes.length)));
}

/** Tells the other side that nothing more is sent. */
export function endWriting(fd: number): void {
  symbols.shutdown(fd, SHUT_WR);
}

export function close(fd: number): void {
  symbols.close(fd);
}

/** Waits for many descriptors at once, edge-triggered: it tells when something became possible. */
export class Poller {
  readonly #fd = checked(symbols.epoll_create1(CLOEXEC), "epoll_create1");
  readonly #events = new Uint8Array(EVENTS_MAX * EVENT_BYTES);
  readonly #view = new DataView(this.#events.buffer);

  add(fd: number): void {
    const event = new DataView(new ArrayBuffer(EVENT_BYTES));
    event.setUint32(0, (EPOLLIN | EPOLLOUT | EPOLLET) >>> 0, true);
    event.setUint32(EVENT_DATA_AT, fd, true);
    checked(
      symbols.epoll_ctl(this.#fd, EPOLL_CTL_ADD, fd, new Uint8Array(event.buffer)),
      "epoll_ctl",
    );
  }

  /** Calls `onEvent` for what is possible; waits up to `timeoutMs` for that, -1 for ever. */
  wait(
    timeoutMs: number,
    onEvent: (fd: number, readable: boolean, writable: boolean) => void,
  ): void {
    const count = symbols.epoll_wait(this.#fd, this.#events, EVENTS_MAX, timeoutMs);
    for (let index = 0; index < count; index++) {
      const events = this.#view.getUint32(index * EVENT_BYTES, true);
      const fd = this.#view.getUint32(index * EVENT_BYTES + EVENT_DATA_AT, true);
      const ended = (events & EPOLLERR_HUP) !== 0;
      onEvent(fd, ended || (events & EPOLLIN) !== 0, ended || (events & EPOLLOUT) !== 0);
    }
  }
}
