/** Which inodes have operations under way: their locks or pages may be held in the kernel. */
import type { InodeNumber } from "../vfs/file_system.ts";

export class BusyInodes {
  readonly #counts = new Map<InodeNumber, number>();
  readonly #onIdle: (inode: InodeNumber) => void;

  /** `onIdle` is called when an inode's last operation has ended. */
  constructor(onIdle: (inode: InodeNumber) => void) {
    this.#onIdle = onIdle;
  }

  has(inode: InodeNumber): boolean {
    return this.#counts.has(inode);
  }

  add(inodes: readonly InodeNumber[]): void {
    for (const inode of inodes) this.#counts.set(inode, (this.#counts.get(inode) ?? 0) + 1);
  }

  remove(inodes: readonly InodeNumber[]): void {
    for (const inode of inodes) {
      const left = (this.#counts.get(inode) ?? 0) - 1;
      if (left > 0) {
        this.#counts.set(inode, left);
      } else {
        this.#counts.delete(inode);
        this.#onIdle(inode);
      }
    }
  }
}
