/** A kernel's end of a mount that a test plays: it feeds raw requests and collects raw replies. */
import type { Channel } from "../../src/fuse/channel.ts";

const ENODEV = 19;

export class ScriptedChannel implements Channel {
  /** Replies as they were sent, each in one piece. */
  readonly replies: Uint8Array<ArrayBuffer>[] = [];
  readonly notifications: Uint8Array<ArrayBuffer>[] = [];
  /** Answers the next writes: 0, or an error number. */
  readonly writeResults: number[] = [];
  /** Called for a request when none is queued. */
  onEmpty: (() => Uint8Array<ArrayBuffer> | undefined) | undefined;
  closed = false;
  reads = 0;
  waits = 0;
  /** What `writeElsewhere` waits for. */
  notifyGate: Promise<void> = Promise.resolve();
  readonly #requests: Uint8Array<ArrayBuffer>[] = [];
  #unmounted = false;
  #wake: (() => void) | undefined;
  #onReply: (() => void) | undefined;

  push(...requests: Uint8Array<ArrayBuffer>[]): void {
    this.#requests.push(...requests);
    this.wake();
  }

  /** After the queued requests the mount is gone. */
  unmount(): void {
    this.#unmounted = true;
    this.wake();
  }

  /** Resolves when `count` replies were sent. */
  async replied(count: number): Promise<void> {
    while (this.replies.length < count) {
      await new Promise<void>((resolve) => this.#onReply = resolve);
    }
  }

  read(into: Uint8Array<ArrayBuffer>): number {
    this.reads++;
    const request = this.#requests.shift() ?? this.onEmpty?.();
    if (request === undefined) return this.#unmounted ? -ENODEV : 0;
    into.set(request);
    return request.length;
  }

  hasMessage(): boolean {
    return this.#requests.length > 0;
  }

  /** What would come meanwhile, comes by `onEmpty`. */
  doze(): void {}

  write(parts: readonly Uint8Array[]): number {
    const result = this.writeResults.shift() ?? 0;
    if (result !== 0) return result;
    const reply = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      reply.set(part, at);
      at += part.length;
    }
    this.replies.push(reply);
    this.#onReply?.();
    return 0;
  }

  async wait(): Promise<void> {
    this.waits++;
    if (this.#requests.length > 0 || this.#unmounted) return;
    await new Promise<void>((resolve) => this.#wake = resolve);
  }

  wake(): void {
    this.#wake?.();
  }

  async writeElsewhere(message: Uint8Array<ArrayBuffer>): Promise<void> {
    this.notifications.push(message);
    await this.notifyGate;
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }
}
