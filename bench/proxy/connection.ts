/**
 * One client connection with its server connection. Each request is held back for the delay, which
 * stands for the round trip; its body and the answer then pass at the connection's bandwidth. A client
 * that waits for "100 Continue" before it sends the body pays the round trip a second time.
 */
import { scanHead } from "./request_scanner.ts";
import * as sockets from "./sockets.ts";
import { TokenBucket } from "./token_bucket.ts";
import type { RequestHead } from "./request_scanner.ts";

export interface Line {
  readonly delayMs: number;
  /** For each connection and direction. */
  readonly bytesPerSecond: number;
  onRequest(head: RequestHead): void;
}

const READ_BYTES = 64 * 1024;

/** Reads of all connections: what is kept of them is copied. */
const scratch = new Uint8Array(READ_BYTES);

/** One direction: a socket, a pipe, a socket. */
class Flow {
  readonly from: number;
  readonly to: number;
  readonly bucket: TokenBucket;
  readonly #pipe = sockets.newPipe();
  #inPipe = 0;
  readable = true;
  writable = true;

  constructor(from: number, to: number, bytesPerSecond: number, nowMs: number) {
    this.from = from;
    this.to = to;
    this.bucket = new TokenBucket(bytesPerSecond, nowMs);
  }

  /**
   * Moves up to `limit` bytes on their way. Returns what came in; "again" when it must wait for a
   * socket; "slow" when it must wait for bandwidth.
   */
  move(limit: number, nowMs: number): sockets.Moved | "slow" {
    if (this.#inPipe > 0) return this.#drain();
    if (!this.readable) return "again";
    const allowed = Math.min(limit, this.bucket.available(nowMs), sockets.PIPE_BYTES);
    if (allowed <= 0) return "slow";
    const count = sockets.splice(this.from, this.#pipe.writeFd, allowed);
    if (count === "again") {
      this.readable = false;
      this.bucket.rest();
    }
    if (typeof count !== "number") return count;
    this.bucket.take(count);
    this.#inPipe = count;
    return count;
  }

  get isDrained(): boolean {
    return this.#inPipe === 0;
  }

  #drain(): sockets.Moved {
    while (this.#inPipe > 0) {
      if (!this.writable) return "again";
      const count = sockets.splice(this.#pipe.readFd, this.to, this.#inPipe);
      if (count === "again") this.writable = false;
      if (typeof count !== "number") return count;
      this.#inPipe -= count;
    }
    return "again";
  }

  close(): void {
    sockets.close(this.#pipe.readFd);
    sockets.close(this.#pipe.writeFd);
  }
}

export class Connection {
  readonly client: number;
  readonly server: number;
  readonly #line: Line;
  readonly #up: Flow;
  readonly #down: Flow;
  /** Bytes of the client that are not passed on yet: heads, and what came with them. */
  #held: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  /** So many of them may pass when `#dueMs` has come. */
  #released = 0;
  #bodyLeft = 0;
  #dueMs = 0;
  #clientEnded = false;
  bytesUp = 0;
  bytesDown = 0;
  /** When something can go on that no socket will tell of; Infinity: nothing. */
  wakeMs = Infinity;
  isClosed = false;

  constructor(client: number, server: number, line: Line, nowMs: number) {
    this.client = client;
    this.server = server;
    this.#line = line;
    this.#up = new Flow(client, server, line.bytesPerSecond, nowMs);
    this.#down = new Flow(server, client, line.bytesPerSecond, nowMs);
  }

  /** What epoll told of one of the two sockets. */
  notice(fd: number, readable: boolean, writable: boolean): void {
    const [out, back] = fd === this.client ? [this.#up, this.#down] : [this.#down, this.#up];
    out.readable ||= readable;
    back.writable ||= writable;
  }

  /** Moves all that can be moved now. */
  run(nowMs: number): void {
    this.wakeMs = Infinity;
    if (!this.isClosed) this.#runDown(nowMs);
    if (!this.isClosed) this.#runUp(nowMs);
  }

  #runDown(nowMs: number): void {
    for (;;) {
      const before = this.#down.isDrained;
      const count = this.#down.move(Infinity, nowMs);
      if (count === "slow") return this.#wake(this.#down.bucket.readyMs(nowMs));
      if (count === "broken" || count === 0) return this.close();
      if (count === "again") {
        if (!before && this.#down.isDrained) continue;
        return;
      }
      this.bytesDown += count;
    }
  }

  #runUp(nowMs: number): void {
    while (!this.isClosed) {
      if (this.#released > 0 || (this.#bodyLeft > 0 && nowMs < this.#dueMs)) {
        if (nowMs < this.#dueMs) return this.#wake(this.#dueMs);
        if (!this.#release()) return;
      } else if (this.#bodyLeft > 0 || !this.#up.isDrained) {
        if (!this.#passBody(nowMs)) return;
      } else if (!this.#takeRequest(nowMs)) return;
    }
  }

  /** Sends what was held back; false when it must wait. */
  #release(): boolean {
    if (!this.#up.writable) return false;
    const count = sockets.write(this.server, this.#held.subarray(0, this.#released));
    if (count === "again") this.#up.writable = false;
    if (count === "broken") this.close();
    if (typeof count !== "number") return false;
    this.#released -= count;
    this.#held = this.#held.subarray(count);
    return true;
  }

  #passBody(nowMs: number): boolean {
    const before = this.#up.isDrained;
    const count = this.#up.move(this.#bodyLeft, nowMs);
    if (count === "slow") {
      if (this.#bodyLeft > 0) this.#wake(this.#up.bucket.readyMs(nowMs));
      return false;
    }
    if (count === "again") return !before && this.#up.isDrained;
    if (count === "broken" || count === 0) {
      this.close();
      return false;
    }
    this.#bodyLeft -= count;
    this.bytesUp += count;
    return true;
  }

  /** Looks for the next request; false when the client has to send more of it. */
  #takeRequest(nowMs: number): boolean {
    const found = scanHead(this.#held);
    if (found === undefined) return this.#readMore();
    const { head, headBytes } = found;
    this.#line.onRequest(head);
    const withHead = Math.min(head.bodyBytes, this.#held.length - headBytes);
    this.#released = headBytes + withHead;
    this.#bodyLeft = head.bodyBytes - withHead;
    this.bytesUp += withHead;
    this.#dueMs = nowMs + this.#line.delayMs;
    if (head.header("expect") !== undefined) this.#dueMs += this.#line.delayMs;
    return true;
  }

  #readMore(): boolean {
    if (!this.#up.readable) return false;
    const count = this.#clientEnded ? 0 : sockets.read(this.client, scratch);
    if (count === "again") this.#up.readable = false;
    if (count === "broken") this.close();
    if (count === 0 && !this.#clientEnded) {
      // The answer to the last request may be still to come.
      this.#clientEnded = true;
      sockets.endWriting(this.server);
    }
    if (typeof count !== "number" || count === 0) return false;
    const joined = new Uint8Array(this.#held.length + count);
    joined.set(this.#held);
    joined.set(scratch.subarray(0, count), this.#held.length);
    this.#held = joined;
    return true;
  }

  #wake(atMs: number): void {
    this.wakeMs = Math.min(this.wakeMs, atMs);
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.wakeMs = Infinity;
    for (const fd of [this.client, this.server]) sockets.close(fd);
    this.#up.close();
    this.#down.close();
  }
}
