/**
 * What a handler of one kind of request looks like. It decodes the request's arguments before it
 * waits for anything: unless `keepsRequest` is set, the request's bytes are gone afterwards.
 */
import {
  type Entry,
  type FileSystem,
  FsError,
  type InodeNumber,
  type MaybePromise,
  type OpContext,
} from "../../vfs/file_system.ts";
import type { ArgumentReader } from "../wire/argument_reader.ts";
import type { WireLayout } from "../wire/layout.ts";
import { encodeEntry } from "../wire/replies.ts";

export interface FuseRequest {
  readonly inode: InodeNumber;
  readonly args: ArgumentReader;
  readonly context: OpContext;
  readonly layout: WireLayout;
}

export interface Reply {
  /** The body, in pieces. */
  readonly parts: readonly Uint8Array[];
  /** Takes back what the reply gave to the kernel, when it could not be delivered. */
  readonly undo?: () => MaybePromise<void>;
}

export interface FuseOp {
  readonly opcode: number;
  /** The kernel waits for no reply, and must not get one. */
  readonly silent?: boolean;
  /** The request's bytes are used until the result settles. */
  readonly keepsRequest?: boolean;
  /** Throws `FsError` or what errno_map.ts knows. */
  handle(request: FuseRequest, fs: FileSystem): MaybePromise<Reply>;
}

export const EMPTY_REPLY: Reply = { parts: [] };

export function reply(body: Uint8Array): Reply {
  return { parts: [body] };
}

/** `next` of the value, at once when it is there already: a cached answer needs no turn of the loop. */
export function whenReady<T, U>(
  value: MaybePromise<T>,
  next: (value: T) => MaybePromise<U>,
): MaybePromise<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}

/** The empty reply, once `value` is there. */
export function emptyWhenDone(value: MaybePromise<void>): MaybePromise<Reply> {
  return value instanceof Promise ? value.then(() => EMPTY_REPLY) : EMPTY_REPLY;
}

/** A reply that carries an entry, of which the file system has counted a lookup. */
export function entryReply(
  entry: MaybePromise<Entry>,
  request: FuseRequest,
  fs: FileSystem,
): MaybePromise<Reply> {
  return whenReady(entry, (found) => ({
    parts: [encodeEntry(found, request.layout)],
    undo: () => forgetEntry(found, fs),
  }));
}

export function forgetEntry(entry: Entry, fs: FileSystem): void {
  if (entry.ino !== 0) fs.forget(entry.ino, 1);
}

const NOT_IMPLEMENTED = new FsError("ENOSYS", "Cannot do this: it is not implemented");

/** What a file system without the method throws; no stack, for the kernel asks each kind once or more. */
export function notImplemented(): never {
  throw NOT_IMPLEMENTED;
}
