/** The kernel's end of a mount, as the session sees it; `Device` (src/ffi/device.ts) is one. */
export interface Channel {
  /** Takes one request. Returns its bytes, 0 when there is none now, or an error number below zero. */
  read(into: Uint8Array<ArrayBuffer>): number;
  /** Blocks the thread until `read` may have something to tell, at most for so long. */
  doze(ms: number): void;
  /** Whether a request could be taken now. */
  hasMessage(): boolean;
  /** Sends one reply, given in pieces. Returns 0 or an error number. */
  write(parts: readonly Uint8Array[]): number;
  /** Resolves when `read` may have something to tell, or after `wake`. */
  wait(): Promise<void>;
  wake(): void;
  /** Sends one notification from another thread. What became of it is not known. */
  writeElsewhere(message: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Resolves when the descriptor is closed. The last one closed aborts what is still unanswered. */
  close(): Promise<void>;
}
