/**
 * glibc on Linux, x86_64 and aarch64. Counts are declared 32 bits wide although the C prototypes say
 * 64: Linux caps one transfer at 0x7ffff000 bytes and both ABIs leave the value in the low half of the
 * result register, so a plain number will do.
 *
 * A nonblocking call runs on another thread, where errno cannot be read: its result only tells that
 * it failed.
 */
const SYMBOLS = {
  __errno_location: { parameters: [], result: "pointer" },
  open: { parameters: ["buffer", "i32", "u32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  write: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  writev: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  pread: { parameters: ["i32", "buffer", "usize", "i64"], result: "i32" },
  pwrite: { parameters: ["i32", "buffer", "usize", "i64"], result: "i32" },
  preadv2: { parameters: ["i32", "buffer", "i32", "i64", "i32"], result: "i32" },
  ftruncate: { parameters: ["i32", "i64"], result: "i32" },
  fallocate: { parameters: ["i32", "i32", "i64", "i64"], result: "i32" },
  lseek: { parameters: ["i32", "i64", "i32"], result: "i64" },
  statvfs: { parameters: ["buffer", "buffer"], result: "i32" },
  flock: { parameters: ["i32", "i32"], result: "i32" },
  memfd_create: { parameters: ["buffer", "u32"], result: "i32" },
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  socketpair: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  recvmsg: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  sendmsg: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  sendto: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
  poll: { parameters: ["buffer", "usize", "i32"], result: "i32" },
  ppoll: { parameters: ["buffer", "usize", "buffer", "buffer"], result: "i32" },
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  mount: { parameters: ["buffer", "buffer", "buffer", "u64", "buffer"], result: "i32" },
  madvise: { parameters: ["buffer", "usize", "i32"], result: "i32" },
  mallopt: { parameters: ["i32", "i32"], result: "i32" },
  malloc_trim_off_thread: {
    name: "malloc_trim",
    parameters: ["usize"],
    result: "i32",
    nonblocking: true,
  },
  setrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  prctl: { parameters: ["i32", "u64", "u64", "u64", "u64"], result: "i32" },
  geteuid: { parameters: [], result: "u32" },
  getegid: { parameters: [], result: "u32" },

  open_off_thread: {
    name: "open",
    parameters: ["buffer", "i32", "u32"],
    result: "i32",
    nonblocking: true,
  },
  poll_off_thread: {
    name: "poll",
    parameters: ["buffer", "usize", "i32"],
    result: "i32",
    nonblocking: true,
  },
  write_off_thread: {
    name: "write",
    parameters: ["i32", "buffer", "usize"],
    result: "i32",
    nonblocking: true,
  },
  syscall: { parameters: ["i64", "i32", "buffer", "buffer", "u32"], result: "i64" },
  posix_fadvise_off_thread: {
    name: "posix_fadvise",
    parameters: ["i32", "i64", "i64", "i32"],
    result: "i32",
    nonblocking: true,
  },
  pread_off_thread: {
    name: "pread",
    parameters: ["i32", "buffer", "usize", "i64"],
    result: "i32",
    nonblocking: true,
  },
  pwritev_off_thread: {
    name: "pwritev",
    parameters: ["i32", "buffer", "i32", "i64"],
    result: "i32",
    nonblocking: true,
  },
  fdatasync_off_thread: {
    name: "fdatasync",
    parameters: ["i32"],
    result: "i32",
    nonblocking: true,
  },
  fsync_off_thread: {
    name: "fsync",
    parameters: ["i32"],
    result: "i32",
    nonblocking: true,
  },
  umount2_off_thread: {
    name: "umount2",
    parameters: ["buffer", "i32"],
    result: "i32",
    nonblocking: true,
  },
} as const;

type Libc = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

interface Opened {
  readonly symbols: Libc;
  /** errno is thread-local: this address is good for the thread that runs this isolate, and only it. */
  readonly errno: Deno.UnsafePointerView;
}

/** Opened when this module loads (below a millisecond); it stays open for the life of the program. */
const opened: Opened | undefined = Deno.build.os === "linux" ? open() : undefined;

/** The functions above. */
export function libc(): Libc {
  if (opened === undefined) {
    throw new Error(`Cannot call the C library: ${Deno.build.os} is not supported yet`);
  }
  return opened.symbols;
}

/** The error number of the last failed synchronous call: read it before anything else is called. */
export function lastErrno(): number {
  return opened?.errno.getInt32(0) ?? 0;
}

/** `text` as a C string; throws when it holds a NUL. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  if (text.includes("\0")) {
    throw new TypeError(`Cannot pass ${JSON.stringify(text)} to the system: it holds a NUL`);
  }
  return new TextEncoder().encode(text + "\0");
}

function open(): Opened {
  const { symbols } = Deno.dlopen("libc.so.6", SYMBOLS);
  const address = symbols.__errno_location();
  if (address === null) throw new Error("Cannot find errno: __errno_location gave no address");
  return { symbols, errno: new Deno.UnsafePointerView(address) };
}
