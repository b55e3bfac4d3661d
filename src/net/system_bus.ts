/**
 * The system's message bus (D-Bus), on which logind tells of sleep. A connection is a stream on a unix
 * socket: a few lines of text to say who one is, then messages. Sources: the D-Bus specification,
 * org.freedesktop.login1(5).
 */
import { type BusMessage, decodeMessage, encodeMessage, messageBytes } from "./dbus_message.ts";

const SYSTEM_BUS = "/run/dbus/system_bus_socket";
/** What logind sends is far smaller; more is not for us. */
const MESSAGE_BYTES_MAX = 64 * 1024;
const BUS = "org.freedesktop.DBus";
const LOGIND = "org.freedesktop.login1";
const MANAGER = `${LOGIND}.Manager`;
const WAKING = `type='signal',sender='${LOGIND}',interface='${MANAGER}',member='PrepareForSleep'`;

/**
 * Calls `onWake` whenever the system has woken up, until `signal` fires. Resolves then, or when there is
 * no bus, or it has ended; never rejects. Not every system has logind: this is news, no more.
 */
export async function watchSystemWaking(
  onWake: () => void,
  signal: AbortSignal,
  path: string = SYSTEM_BUS,
): Promise<void> {
  try {
    using bus = await BusConnection.open(path);
    const close = () => bus[Symbol.dispose]();
    signal.addEventListener("abort", close, { once: true });
    if (signal.aborted) return;
    await bus.send(callOfBus("AddMatch", [WAKING]));
    for (let message = await bus.next(); message !== undefined; message = await bus.next()) {
      const { type, interface: of, member, body } = message;
      // True comes before the system sleeps.
      const isWaking = type === "signal" && of === MANAGER && member === "PrepareForSleep" &&
        body?.[0] === false;
      if (isWaking) onWake();
    }
  } catch {
    // There is no bus, or it does not want us; or `signal` has closed it.
  }
}

/** A call of the bus itself. */
export function callOfBus(member: string, body: readonly (string | number)[] = []): BusMessage {
  const path = "/org/freedesktop/DBus";
  return { type: "call", destination: BUS, path, interface: BUS, member, body };
}

/** A connection with a bus. */
export class BusConnection implements Disposable {
  readonly #socket: Deno.Conn;
  #buffer = new Uint8Array(new ArrayBuffer(MESSAGE_BYTES_MAX));
  /** Bytes that came and were not taken yet. */
  #filled = 0;
  #serial = 0;
  #isClosed = false;

  private constructor(socket: Deno.Conn) {
    this.#socket = socket;
  }

  /** Connects and says who this is; the bus asks the kernel whether that is so. */
  static async open(path: string): Promise<BusConnection> {
    const connection = new BusConnection(await Deno.connect({ transport: "unix", path }));
    try {
      const digits = new TextEncoder().encode(String(Deno.uid() ?? 0)).toHex();
      await connection.#write(new TextEncoder().encode(`\0AUTH EXTERNAL ${digits}\r\n`));
      const answer = await connection.#line();
      if (!answer.startsWith("OK ")) throw new Error(`Cannot use the bus at "${path}": ${answer}`);
      await connection.#write(new TextEncoder().encode("BEGIN\r\n"));
      await connection.send(callOfBus("Hello"));
      return connection;
    } catch (error) {
      connection[Symbol.dispose]();
      throw error;
    }
  }

  async send(message: BusMessage): Promise<void> {
    await this.#write(encodeMessage(message, ++this.#serial));
  }

  /** The next message; undefined at the end. Rejects when the connection is closed meanwhile. */
  async next(): Promise<BusMessage | undefined> {
    while (this.#filled < 16) if (!await this.#more()) return undefined;
    const size = messageBytes(this.#buffer);
    if (size > MESSAGE_BYTES_MAX) throw new RangeError("Cannot read a D-Bus message: too long");
    while (this.#filled < size) if (!await this.#more()) return undefined;
    const message = decodeMessage(this.#buffer.slice(0, size));
    this.#drop(size);
    return message;
  }

  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket.close();
  }

  async #line(): Promise<string> {
    for (;;) {
      const end = this.#buffer.subarray(0, this.#filled).indexOf("\n".charCodeAt(0));
      if (end >= 0) {
        const text = new TextDecoder().decode(this.#buffer.subarray(0, end)).trimEnd();
        this.#drop(end + 1);
        return text;
      }
      if (!await this.#more()) return "it has closed the connection";
    }
  }

  async #more(): Promise<boolean> {
    const count = await this.#socket.read(this.#buffer.subarray(this.#filled));
    this.#filled += count ?? 0;
    return (count ?? 0) > 0;
  }

  #drop(count: number): void {
    this.#buffer.copyWithin(0, count, this.#filled);
    this.#filled -= count;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let sent = 0; sent < bytes.length;) sent += await this.#socket.write(bytes.subarray(sent));
  }
}
