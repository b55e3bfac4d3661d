/** A unix datagram socket that a test receives on, as a service manager does. Linux. */
import { socketAddress } from "../../src/ffi/datagram.ts";

const LIBC = {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  recv: {
    parameters: ["i32", "buffer", "usize", "i32"],
    result: "i32",
    nonblocking: true,
  },
  close: { parameters: ["i32"], result: "i32" },
} as const;

export class DatagramInbox implements Disposable {
  readonly #libc = Deno.dlopen("libc.so.6", LIBC);
  readonly #fd: number;

  /** `address` as in $NOTIFY_SOCKET: a path that does not exist, or "@name". */
  constructor(address: string) {
    const { symbols } = this.#libc;
    this.#fd = symbols.socket(1, 2, 0);
    const name = socketAddress(address);
    if (symbols.bind(this.#fd, name, name.length) !== 0) {
      throw new Error(`Cannot bind "${address}"`);
    }
  }

  /** The next message; waits for it. */
  async next(): Promise<string> {
    const bytes = new Uint8Array(4096);
    const got = await this.#libc.symbols.recv(this.#fd, bytes, 4096n, 0);
    if (got < 0) throw new Error("Cannot receive");
    return new TextDecoder().decode(bytes.subarray(0, got));
  }

  [Symbol.dispose](): void {
    this.#libc.symbols.close(this.#fd);
    this.#libc.close();
  }
}
