/** Memory in whole pages, which the system can have back while its addresses stay in use. */
import { libc } from "./libc_linux.ts";

/** The largest page of the systems that this runs on (aarch64 has kernels with 4, 16 and 64 KiB). */
export const PAGE_BYTES_MAX = 64 * 1024;
/** Source: asm-generic/mman-common.h, madvise(2). */
const MADV_DONTNEED = 4;

/**
 * `bytes`, a multiple of `PAGE_BYTES_MAX`, that begin at a multiple of it. They take no memory before
 * they are used.
 */
export function allocatePages(bytes: number): Uint8Array<ArrayBuffer> {
  const buffer = new ArrayBuffer(bytes + PAGE_BYTES_MAX);
  const address = Deno.UnsafePointer.value(Deno.UnsafePointer.of(buffer));
  const past = Number(address % BigInt(PAGE_BYTES_MAX));
  return new Uint8Array(buffer, (PAGE_BYTES_MAX - past) % PAGE_BYTES_MAX, bytes);
}

/**
 * Gives the memory of pages from `allocatePages` back to the system; `pages` begins and ends at
 * multiples of `PAGE_BYTES_MAX`. Its bytes are 0 from now on. Only on Linux; elsewhere it does nothing.
 */
export function discardPages(pages: Uint8Array<ArrayBuffer>): void {
  if (Deno.build.os !== "linux") return;
  libc().madvise(pages, BigInt(pages.byteLength), MADV_DONTNEED);
}
