/**
 * Tells the kernel what to forget. Such a message can wait inside the kernel: INVAL_ENTRY for the
 * directory's lock, which a CREATE that we have not answered holds, and INVAL_INODE for pages that we
 * are asked to read. It waits uninterruptibly, and keeps the descriptor open: if this process were
 * killed then, the mount would hang for good instead of failing. Therefore
 * - it is never sent from the thread that serves the mount, and nothing waits for it;
 * - it is held back while an operation on that inode is under way;
 * - several are sent at a time, so that one which waits does not hold up the others.
 */
import type { CacheNotifier, InodeNumber } from "../vfs/file_system.ts";
import type { Channel } from "./channel.ts";
import {
  encodeInvalidateEntry,
  encodeInvalidateInode,
  EXPIRE_ONLY_MINOR,
} from "./wire/notifications.ts";

/** Threads that may be waiting in the kernel: an operation can begin just after a message was sent. */
const SENDING_MAX = 4;
/** Beyond it the oldest is dropped: then the kernel believes it until its time-to-live is over. */
const WAITING_MAX = 65_536;

/** One thing to be told. */
interface Message {
  /** The inode whose lock or pages the kernel needs. */
  readonly inode: InodeNumber;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export class FuseNotifier implements CacheNotifier {
  readonly #channel: Channel;
  readonly #isBusy: (inode: InodeNumber) => boolean;
  /** By what they are about: a second message about the same adds nothing. */
  readonly #queue = new Map<string, Message>();
  /** Those about inodes that are busy, until `settled` is called. Counted with the queue. */
  readonly #held = new Map<InodeNumber, Map<string, Message>>();
  #heldCount = 0;
  #sending = 0;
  #dropped = 0;
  /** Whether the kernel knows how to expire an entry; else it would drop it. */
  #canExpire = false;

  /** `isBusy`: an operation on the inode is under way; `settled` is called when none is any more. */
  constructor(channel: Channel, isBusy: (inode: InodeNumber) => boolean) {
    this.#channel = channel;
    this.#isBusy = isBusy;
  }

  invalidateInode(ino: InodeNumber, offset: number, length: number): void {
    const bytes = encodeInvalidateInode(ino, offset, length);
    this.#enqueue(`${ino} ${offset} ${length}`, { inode: ino, bytes });
  }

  invalidateEntry(parent: InodeNumber, name: string): void {
    const bytes = encodeInvalidateEntry(parent, name);
    this.#enqueue(`${parent}/${name}`, { inode: parent, bytes });
  }

  expireEntry(parent: InodeNumber, name: string): void {
    if (!this.#canExpire) return;
    const bytes = encodeInvalidateEntry(parent, name, "expire");
    this.#enqueue(`${parent}/${name}?`, { inode: parent, bytes });
  }

  /** What was agreed with the kernel: version 7.`minor` of the protocol. */
  agreed(minor: number): void {
    this.#canExpire = minor >= EXPIRE_ONLY_MINOR;
  }

  /** Messages dropped because too many were waiting. */
  get dropped(): number {
    return this.#dropped;
  }

  /** No operation on `inode` is under way any more. */
  settled(inode: InodeNumber): void {
    const held = this.#held.get(inode);
    if (held === undefined) return;
    this.#held.delete(inode);
    this.#heldCount -= held.size;
    for (const [about, message] of held) this.#queue.set(about, message);
    this.#sendMore();
  }

  #enqueue(about: string, message: Message): void {
    if (this.#held.get(message.inode)?.has(about) === true) return;
    this.#queue.delete(about);
    this.#queue.set(about, message);
    if (this.#queue.size + this.#heldCount > WAITING_MAX) {
      const [oldest] = this.#queue.keys();
      if (oldest !== undefined) this.#queue.delete(oldest);
      this.#dropped++;
    }
    this.#sendMore();
  }

  #sendMore(): void {
    while (this.#sending < SENDING_MAX && this.#sending < this.#queue.size) void this.#send();
  }

  async #send(): Promise<void> {
    this.#sending++;
    try {
      // In the next turn, so that several messages about the same of one burst become one.
      await undefined;
      for (let next = this.#next(); next !== undefined; next = this.#next()) {
        await this.#channel.writeElsewhere(next);
      }
    } finally {
      this.#sending--;
    }
  }

  #next(): Uint8Array<ArrayBuffer> | undefined {
    for (const [about, message] of this.#queue) {
      this.#queue.delete(about);
      if (!this.#isBusy(message.inode)) return message.bytes;
      this.#hold(about, message);
    }
    return undefined;
  }

  #hold(about: string, message: Message): void {
    const held = this.#held.get(message.inode) ?? new Map<string, Message>();
    this.#held.set(message.inode, held.set(about, message));
    this.#heldCount++;
  }
}
