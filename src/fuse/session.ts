/**
 * Serves one mount: takes the kernel's requests, has them handled, and sends the replies.
 *
 * A synchronous read is the cheapest way to a request but must not wait; a wait on another thread
 * costs two thread switches. So: requests are drained by non-blocking reads until there is none, or others
 * are to have their turn; while they come one after the other and nothing else is to be done, the next
 * one is waited for right here for a moment; otherwise the loop waits on another thread and this one is
 * free. Handlers run at once and side by side; their order is the file system's business.
 *
 * Nothing here may use the mount itself: the request would wait for this very thread.
 */
import { type Clock, giveWay } from "../base/clock.ts";
import { errnoName, errnoNumber } from "../base/errno.ts";
import { type Logger, logger } from "../base/log.ts";
import { errnoOf } from "../vfs/errno_map.ts";
import { type FileSystem, FsError, type InodeNumber } from "../vfs/file_system.ts";
import type { Channel } from "./channel.ts";
import { BusyInodes } from "./busy_inodes.ts";
import { Deadline } from "./deadline.ts";
import { callerGivesUp } from "./interrupts.ts";
import { asksAgain, negotiate, REQUEST_BYTES_MAX } from "./negotiate.ts";
import { LoopTurn } from "./loop_turn.ts";
import { FuseNotifier } from "./notifier.ts";
import { Operation } from "./operation.ts";
import { opsByOpcode } from "./ops/mod.ts";
import { EMPTY_REPLY, type FuseOp, type Reply, reply, whenReady } from "./ops/op.ts";
import { type RequestBuffer, RequestBuffers } from "./request_buffers.ts";
import { ArgumentReader } from "./wire/argument_reader.ts";
import {
  decodeRequestHeader,
  encodeReplyHeader,
  REPLY_HEADER_BYTES,
  REQUEST_HEADER_BYTES,
  type RequestHeader,
  type Unique,
  uniqueKey,
} from "./wire/header.ts";
import { decodeInit, encodeInit, type InitReply } from "./wire/init.ts";
import { initFlagNames } from "./wire/init_flags.ts";
import { linuxLayout } from "./wire/layout_linux.ts";
import { Opcode, opcodeName } from "./wire/opcodes.ts";

/** The kernel refuses to read into less than its largest request and a page of headers. */
const BUFFER_BYTES = REQUEST_BYTES_MAX + 8192;
/** Writes waiting for the file system, 1 MiB each. The kernel sends one at a time for each writer. */
const BUFFERS_MAX = 16;
/** Requests being handled; at more, reading pauses. Far above what the kernel sends unasked. */
const OPERATIONS_MAX = 1024;
/** Requests taken before replies of asynchronous handlers get their turn. */
const DRAIN_MAX = 32;
/** Turns of the microtask queue given to handlers that need no input or output to finish. */
const SETTLE_TURNS = 32;
/**
 * How long to go on reading for a next request, and how long to sleep for it then (a spin of that length
 * would take the processor from the very program that makes the request).
 */
const SPIN_MS = 0.02;
const DOZE_MS = 0.4;
/** How long operations get to end after the mount is gone. */
const END_MS = 5000;
/** Handled here, and nobody waits for a reply. */
const SILENT: ReadonlySet<number> = new Set([Opcode.INTERRUPT, Opcode.NOTIFY_REPLY]);
const RENAMES: ReadonlySet<number> = new Set([Opcode.RENAME, Opcode.RENAME2]);

export interface SessionOptions {
  /** The mount's name, for logs. */
  readonly name: string;
  readonly clock: Clock;
  /** True while other work waits for this thread, as downloads do: then the loop does not linger. */
  readonly busyElsewhere?: () => boolean;
  /** What an earlier process has agreed with the kernel: the mount is there already. */
  readonly agreed?: InitReply | undefined;
}

export class Session {
  readonly notifier: FuseNotifier;
  readonly #channel: Channel;
  readonly #fs: FileSystem;
  readonly #clock: Clock;
  readonly #busyElsewhere: () => boolean;
  readonly #log: Logger;
  readonly #buffers = new RequestBuffers(BUFFER_BYTES, BUFFERS_MAX);
  /** Those that did not settle at once, by `uniqueKey`. */
  readonly #operations = new Map<number, Operation>();
  readonly #busy: BusyInodes;
  readonly #replyHeader = new DataView(new ArrayBuffer(REPLY_HEADER_BYTES));
  readonly #replyHeaderBytes = new Uint8Array(this.#replyHeader.buffer);
  readonly #unknownOpcodes = new Set<number>();
  readonly #turn: LoopTurn;
  readonly #ready = Promise.withResolvers<InitReply>();
  /** Called when an operation settles or the session ends. */
  #onSettled: (() => void) | undefined;
  #taken = 0;
  #ended = false;

  constructor(channel: Channel, fs: FileSystem, options: SessionOptions) {
    this.#channel = channel;
    this.#fs = fs;
    this.#clock = options.clock;
    this.#turn = LoopTurn.of(options.clock);
    this.#busyElsewhere = options.busyElsewhere ?? (() => false);
    this.#log = logger("fuse", options.name);
    this.#busy = new BusyInodes((inode) => this.notifier.settled(inode));
    this.notifier = new FuseNotifier(channel, (inode) => this.#busy.has(inode));
    if (options.agreed !== undefined) this.#agree(options.agreed);
    this.#ready.promise.catch(() => {});
  }

  /** What was agreed with the kernel; rejects when it is too old or the mount ended before. */
  get ready(): Promise<InitReply> {
    return this.#ready.promise;
  }

  /** Requests being handled now. */
  get inFlight(): number {
    return this.#operations.size;
  }

  /** Requests taken so far. */
  get taken(): number {
    return this.#taken;
  }

  /** Whether the kernel has a request that was not taken yet. */
  get hasWaiting(): boolean {
    return !this.#ended && this.#channel.hasMessage();
  }

  /** Serves until the mount is gone or `stop` is called. Never rejects. Does not close the channel. */
  async run(): Promise<void> {
    try {
      await this.#serve();
    } catch (error) {
      this.#log.error("Cannot go on serving the mount: {error}", { error });
    }
    await this.#end();
  }

  /** Stops serving and aborts what is under way. */
  stop(): void {
    this.#ended = true;
    this.#onSettled?.();
    this.#channel.wake();
  }

  async #serve(): Promise<void> {
    for (let isBusy = false; !this.#ended;) {
      const before = this.#taken;
      await this.#drain();
      isBusy ||= this.#taken > before;
      while (isBusy && this.#linger());
      if (this.#ended) return;
      isBusy = this.#taken > before && this.#turn.isLong();
      if (isBusy) await giveWay();
      else await this.#channel.wait();
    }
  }

  /** Takes requests, and lets their handlers run as far as they get without waiting. */
  async #drain(): Promise<void> {
    let left = DRAIN_MAX;
    // At least one, however long the turn is; asked before it too, for the turn counts from then.
    while (left > 0 && (!this.#turn.isLong() || left === DRAIN_MAX) && this.#receive()) left--;
    for (let turn = 0; turn < SETTLE_TURNS && this.#operations.size > 0; turn++) await undefined;
    // Without room reading pauses: requests queue in the kernel until an operation settles.
    while (left > 0 && !this.#ended && !this.#hasRoom()) await this.#nextSettled();
  }

  /** Goes on reading for a moment; true when a request came. */
  #linger(): boolean {
    if (this.#operations.size > 0 || this.#busyElsewhere() || this.#turn.isLong()) return false;
    const startMs = this.#clock.monotonicMs();
    do {
      if (this.#receive()) return true;
    } while (!this.#ended && this.#clock.monotonicMs() - startMs < SPIN_MS);
    this.#channel.doze(DOZE_MS);
    return this.#receive();
  }

  /** Takes one request; false when there is none, or no room for it. */
  #receive(): boolean {
    if (this.#ended || this.#operations.size >= OPERATIONS_MAX) return false;
    const buffer = this.#buffers.take();
    if (buffer === undefined) return false;
    const length = this.#channel.read(buffer.bytes);
    if (length > 0) {
      this.#taken++;
      this.#dispatch(buffer, length);
      return true;
    }
    this.#buffers.give(buffer);
    return length < 0 && this.#readFailed(errnoName(-length));
  }

  /** True when reading goes on. */
  #readFailed(errno: string): boolean {
    // ENOENT: the request was taken back while it was being read. EIO: it did not fit; the kernel
    // has answered it.
    if (errno === "ENOENT" || errno === "EIO") return true;
    if (errno !== "ENODEV") this.#log.error("Cannot read a request: {errno}", { errno });
    this.#ended = true;
    return false;
  }

  #hasRoom(): boolean {
    return this.#operations.size < OPERATIONS_MAX && this.#buffers.hasFree;
  }

  readonly #nextSettled = () => new Promise<void>((resolve) => this.#onSettled = resolve);

  #dispatch(buffer: RequestBuffer, length: number): void {
    if (length < REQUEST_HEADER_BYTES) {
      this.#log.error("Dropped a request of {length} bytes: it is no FUSE request", { length });
      return this.#buffers.give(buffer);
    }
    const header = decodeRequestHeader(buffer.view);
    const args = new ArgumentReader(buffer.bytes, buffer.view, REQUEST_HEADER_BYTES, length);
    const op = opsByOpcode.get(header.opcode);
    let kept = false;
    try {
      if (header.length !== length) {
        throw new FsError("EIO", `Cannot decode ${length} bytes as a request of ${header.length}`);
      }
      if (op !== undefined) kept = this.#handle(op, header, args, buffer);
      else this.#handleOwn(header, args);
    } catch (error) {
      if (op?.silent === true || SILENT.has(header.opcode)) this.#logFailure(header, error);
      else this.#fail(header, error);
    }
    if (!kept) this.#buffers.give(buffer);
  }

  /** True when the request's buffer is still used. */
  #handle(
    op: FuseOp,
    header: RequestHeader,
    args: ArgumentReader,
    buffer: RequestBuffer,
  ): boolean {
    const operation = new Operation(header);
    const request = { inode: header.inode, args, context: operation, layout: linuxLayout };
    // RENAME locks a second directory, whose number comes first; decoded before the handler may wait.
    const second = RENAMES.has(header.opcode) ? args.peekU64() as InodeNumber : header.inode;
    const awake = op.silent === true ? undefined : this.#fs.awaken?.(header.inode, operation);
    const result = whenReady(awake, () => op.handle(request, this.#fs));
    if (!(result instanceof Promise)) {
      if (op.silent !== true) this.#answer(header, result);
      return false;
    }
    const keeps = op.keepsRequest === true || awake instanceof Promise;
    void this.#settle(operation, [header.inode, second], result, keeps ? buffer : undefined);
    return keeps;
  }

  async #settle(
    operation: Operation,
    inodes: readonly InodeNumber[],
    result: Promise<Reply>,
    buffer: RequestBuffer | undefined,
  ): Promise<void> {
    const key = uniqueKey(operation.header.unique);
    this.#operations.set(key, operation);
    this.#busy.add(inodes);
    try {
      this.#answer(operation.header, await result);
    } catch (error) {
      this.#fail(operation.header, operation.abortReason ?? error);
    } finally {
      if (buffer !== undefined) this.#buffers.give(buffer);
      this.#operations.delete(key);
      operation.settled();
      this.#busy.remove(inodes);
      this.#onSettled?.();
      // Who has got an answer often asks on at once, sooner than a thread that waits could tell.
      while (this.#linger());
    }
  }

  /** The requests that are about the connection. */
  #handleOwn(header: RequestHeader, args: ArgumentReader): void {
    switch (header.opcode) {
      case Opcode.INIT:
        return this.#init(header, args);
      case Opcode.INTERRUPT:
        return this.#interrupt({ low: args.u32(), high: args.u32() });
      case Opcode.DESTROY:
        return this.#answer(header, EMPTY_REPLY);
    }
    if (!this.#unknownOpcodes.has(header.opcode)) {
      this.#unknownOpcodes.add(header.opcode);
      this.#log.debug("{opcode} is not implemented", { opcode: opcodeName(header.opcode) });
    }
    if (!SILENT.has(header.opcode)) this.#sendError(header, "ENOSYS");
  }

  #init(header: RequestHeader, args: ArgumentReader): void {
    const request = decodeInit(args);
    try {
      const agreed = negotiate(request);
      this.#answer(header, reply(encodeInit(agreed)));
      if (asksAgain(request)) return;
      this.#log.debug("FUSE {major}.{minor}: {flags}", {
        major: request.major,
        minor: request.minor,
        flags: initFlagNames(agreed.flags).join(" "),
      });
      this.#agree(agreed);
    } catch (error) {
      this.#ready.reject(error);
      throw error;
    }
  }

  #agree(agreed: InitReply): void {
    this.notifier.agreed(agreed.minor);
    this.#ready.resolve(agreed);
  }

  /** An operation that is not found has been answered meanwhile. */
  #interrupt(unique: Unique): void {
    const operation = this.#operations.get(uniqueKey(unique));
    if (operation === undefined) return;
    void callerGivesUp(operation.pid, this.#clock, operation.over).then((givesUp) => {
      if (givesUp) operation.abort(new FsError("EINTR", "Interrupted by a signal"));
    });
  }

  #answer(header: RequestHeader, { parts, undo }: Reply): void {
    const length = parts.reduce((sum, part) => sum + part.length, REPLY_HEADER_BYTES);
    const errno = this.#send(header, length, 0, parts);
    if (errno === undefined) return;
    if (undo !== undefined) void this.#undo(header, undo);
    // The kernel has not taken it, and its caller would wait for ever.
    if (errno === "EINVAL") this.#sendError(header, "EIO");
  }

  async #undo(header: RequestHeader, undo: NonNullable<Reply["undo"]>): Promise<void> {
    try {
      await undo();
    } catch (error) {
      this.#logFailure(header, error);
    }
  }

  #fail(header: RequestHeader, error: unknown): void {
    this.#logFailure(header, error);
    this.#sendError(header, errnoOf(error));
  }

  #sendError(header: RequestHeader, errno: ReturnType<typeof errnoOf>): void {
    this.#send(header, REPLY_HEADER_BYTES, errnoNumber(errno), []);
  }

  /** The error's name when the reply was not delivered. */
  #send(
    header: RequestHeader,
    length: number,
    error: number,
    parts: readonly Uint8Array[],
  ): string | undefined {
    if (this.#ended) return "ENODEV";
    this.#fs.beforeReply?.();
    encodeReplyHeader(this.#replyHeader, length, error, header.unique);
    const number = this.#channel.write([this.#replyHeaderBytes, ...parts]);
    if (number === 0) return undefined;
    const errno = errnoName(number);
    // ENOENT: nobody waits for it any more. ENODEV: unmounted, which the next read tells too.
    if (errno !== "ENOENT" && errno !== "ENODEV") {
      const op = opcodeName(header.opcode);
      this.#log.error("Cannot send the reply to {op}: {errno}", { op, errno });
    }
    return errno;
  }

  #logFailure(header: RequestHeader, error: unknown): void {
    const errno = errnoOf(error);
    const level = errno === "EIO" ? "warning" : "debug";
    if (!this.#log.isEnabledFor(level)) return;
    const op = opcodeName(header.opcode);
    const details = { op, inode: header.inode, errno, error };
    if (level === "warning") this.#log.warn("{op} of inode {inode}: {errno}: {error}", details);
    else this.#log.debug("{op} of inode {inode}: {errno}: {error}", details);
  }

  /** Aborts what is under way and gives it a moment to end. */
  async #end(): Promise<void> {
    this.#ended = true;
    this.#ready.reject(new FsError("ENODEV", "Cannot serve the mount: it ended before it began"));
    for (const operation of this.#operations.values()) {
      operation.abort(new FsError("ENODEV", "The mount is gone"));
    }
    const late = new FsError("ETIMEDOUT", "operations did not end with the mount");
    const ended = (async () => {
      while (this.#operations.size > 0) await this.#nextSettled();
    })();
    await new Deadline(END_MS, late, this.#clock).bound(ended).catch(() => {
      this.#log.warn("{count} operations did not end with the mount", { count: this.inFlight });
    });
  }
}
