/**
 * Error numbers by name. FUSE messages carry the host's own numbers, which differ between Linux and
 * macOS, so code names them and the table of the running system gives the number.
 * Sources: include/uapi/asm-generic/errno{-base,}.h (Linux), sys/errno.h (macOS).
 */

/** Names used by this program. */
export type Errno =
  | "EPERM"
  | "ENOENT"
  | "EINTR"
  | "EIO"
  | "ENXIO"
  | "E2BIG"
  | "EBADF"
  | "EAGAIN"
  | "ENOMEM"
  | "EACCES"
  | "EFAULT"
  | "EBUSY"
  | "EEXIST"
  | "EXDEV"
  | "ENODEV"
  | "ENOTDIR"
  | "EISDIR"
  | "EINVAL"
  | "EMFILE"
  | "EFBIG"
  | "ENOSPC"
  | "ESPIPE"
  | "EROFS"
  | "EPIPE"
  | "ERANGE"
  | "EDEADLK"
  | "ENAMETOOLONG"
  | "ENOSYS"
  | "ENOTEMPTY"
  | "ELOOP"
  | "ENODATA"
  | "EPROTO"
  | "EOVERFLOW"
  | "EILSEQ"
  | "ENOTSUP"
  | "ENOTCONN"
  | "ETIMEDOUT"
  | "ECONNREFUSED"
  | "EHOSTUNREACH"
  | "ESTALE"
  | "EDQUOT"
  | "ECANCELED";

type Table = Readonly<Record<Errno, number>>;

const LINUX: Table = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  E2BIG: 7,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  EXDEV: 18,
  ENODEV: 19,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  EMFILE: 24,
  EFBIG: 27,
  ENOSPC: 28,
  ESPIPE: 29,
  EROFS: 30,
  EPIPE: 32,
  ERANGE: 34,
  EDEADLK: 35,
  ENAMETOOLONG: 36,
  ENOSYS: 38,
  ENOTEMPTY: 39,
  ELOOP: 40,
  ENODATA: 61,
  EPROTO: 71,
  EOVERFLOW: 75,
  EILSEQ: 84,
  ENOTSUP: 95,
  ENOTCONN: 107,
  ETIMEDOUT: 110,
  ECONNREFUSED: 111,
  EHOSTUNREACH: 113,
  ESTALE: 116,
  EDQUOT: 122,
  ECANCELED: 125,
};

// ENODATA stands for "no such extended attribute", which macOS calls ENOATTR (93).
const DARWIN: Table = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  E2BIG: 7,
  EBADF: 9,
  EAGAIN: 35,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  EXDEV: 18,
  ENODEV: 19,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  EMFILE: 24,
  EFBIG: 27,
  ENOSPC: 28,
  ESPIPE: 29,
  EROFS: 30,
  EPIPE: 32,
  ERANGE: 34,
  EDEADLK: 11,
  ENAMETOOLONG: 63,
  ENOSYS: 78,
  ENOTEMPTY: 66,
  ELOOP: 62,
  ENODATA: 93,
  EPROTO: 100,
  EOVERFLOW: 84,
  EILSEQ: 92,
  ENOTSUP: 45,
  ENOTCONN: 57,
  ETIMEDOUT: 60,
  ECONNREFUSED: 61,
  EHOSTUNREACH: 65,
  ESTALE: 70,
  EDQUOT: 69,
  ECANCELED: 89,
};

/** The number of `errno` on the system `os`. */
export function errnoNumber(errno: Errno, os: "linux" | "darwin" = hostOs()): number {
  return (os === "darwin" ? DARWIN : LINUX)[errno];
}

/** The name of an error number, or "errno N" for one that the table lacks. */
export function errnoName(number: number, os: "linux" | "darwin" = hostOs()): string {
  const table = os === "darwin" ? DARWIN : LINUX;
  for (const [name, value] of Object.entries(table)) if (value === number) return name;
  return `errno ${number}`;
}

/** The system whose numbers apply here; what is not macOS is treated as Linux. */
export function hostOs(): "linux" | "darwin" {
  return Deno.build.os === "darwin" ? "darwin" : "linux";
}
