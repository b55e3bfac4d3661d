/** One request that is being worked on. */
import type { FsError, OpContext } from "../vfs/file_system.ts";
import { isRepeated, type RequestHeader } from "./wire/header.ts";

export class Operation implements OpContext {
  readonly header: RequestHeader;
  /** Made when first asked for: most operations end before anybody listens. */
  #controller: AbortController | undefined;
  #over: AbortController | undefined;
  #abortReason: FsError | undefined;

  constructor(header: RequestHeader) {
    this.header = header;
  }

  get uid(): number {
    return this.header.uid;
  }

  get gid(): number {
    return this.header.gid;
  }

  get pid(): number {
    return this.header.pid;
  }

  get isRepeated(): boolean {
    return isRepeated(this.header.unique);
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#abortReason !== undefined) this.#controller.abort(this.#abortReason);
    }
    return this.#controller.signal;
  }

  /** Why the operation was aborted, if it was. */
  get abortReason(): FsError | undefined {
    return this.#abortReason;
  }

  /** Fires when the operation has settled. */
  get over(): AbortSignal {
    this.#over ??= new AbortController();
    return this.#over.signal;
  }

  abort(reason: FsError): void {
    if (this.#abortReason !== undefined) return;
    this.#abortReason = reason;
    this.#controller?.abort(reason);
  }

  settled(): void {
    this.#over?.abort();
  }
}
