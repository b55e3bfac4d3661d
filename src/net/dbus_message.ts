/**
 * Messages of D-Bus, as far as calls with texts and signals with a boolean go. Source: the D-Bus
 * specification, "Message Protocol".
 */

/** What is between two clients of a bus. Bodies of other kinds are left out. */
export interface BusMessage {
  readonly type: "call" | "return" | "error" | "signal";
  readonly path?: string;
  readonly interface?: string;
  readonly member?: string;
  /** Name of who is to get it; absent: the bus, or all who want it. */
  readonly destination?: string;
  /** Name of the error, where it is one. */
  readonly error?: string;
  readonly body?: readonly (string | number | boolean)[];
}

const TYPES = ["call", "return", "error", "signal"] as const;
const FIELDS = { path: 1, interface: 2, member: 3, error: 4, destination: 6 } as const;
const SIGNATURE_FIELD = 8;
const LITTLE_ENDIAN = "l".charCodeAt(0);
const VERSION = 1;
const HEAD_BYTES = 16;

/** How many bytes the message takes that begins with `head`, of which at least 16 are there. */
export function messageBytes(head: Uint8Array<ArrayBuffer>): number {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const isLittle = view.getUint8(0) === LITTLE_ENDIAN;
  return aligned(HEAD_BYTES + view.getUint32(12, isLittle), 8) + view.getUint32(4, isLittle);
}

/** `serial` is above 0, and another one for each message of a connection. */
export function encodeMessage(message: BusMessage, serial: number): Uint8Array<ArrayBuffer> {
  const body = new Writer();
  const kinds = (message.body ?? []).map((value) => body.value(value)).join("");
  const writer = new Writer();
  for (const byte of [LITTLE_ENDIAN, TYPES.indexOf(message.type) + 1, 0, VERSION]) {
    writer.byte(byte);
  }
  writer.u32(body.length);
  writer.u32(serial);
  writer.u32(0); // The length of the fields, below.
  for (const [name, code] of Object.entries(FIELDS)) {
    const text = message[name as keyof typeof FIELDS];
    if (text !== undefined) writer.field(code, name === "path" ? "o" : "s", text);
  }
  if (kinds !== "") writer.field(SIGNATURE_FIELD, "g", kinds);
  writer.setU32(12, writer.length - HEAD_BYTES);
  writer.align(8);
  writer.bytes(body.take());
  return writer.take();
}

/** `bytes` are those of one message. Throws RangeError when they are none. */
export function decodeMessage(bytes: Uint8Array<ArrayBuffer>): BusMessage {
  const reader = new Reader(bytes);
  const type = TYPES[reader.view.getUint8(1) - 1];
  if (type === undefined) {
    throw new RangeError("Cannot decode a D-Bus message: its type is unknown");
  }
  const end = HEAD_BYTES + reader.u32(12);
  const fields: Partial<Record<keyof typeof FIELDS, string>> = {};
  let kinds = "";
  reader.at = HEAD_BYTES;
  while (reader.at < end) {
    reader.align(8);
    const code = reader.byte();
    const value = reader.value(reader.signature());
    if (code === SIGNATURE_FIELD) kinds = String(value);
    for (const [name, known] of Object.entries(FIELDS)) {
      if (known === code) fields[name as keyof typeof FIELDS] = String(value);
    }
  }
  reader.at = aligned(end, 8);
  const isSimple = /^[sub]*$/.test(kinds);
  const body = isSimple ? [...kinds].map((kind) => reader.value(kind)) : [];
  return { type, ...fields, body };
}

function aligned(at: number, to: number): number {
  return Math.ceil(at / to) * to;
}

class Writer {
  #bytes: number[] = [];

  get length(): number {
    return this.#bytes.length;
  }

  byte(value: number): void {
    this.#bytes.push(value);
  }

  bytes(values: Uint8Array): void {
    this.#bytes.push(...values);
  }

  align(to: number): void {
    while (this.#bytes.length % to !== 0) this.byte(0);
  }

  u32(value: number): void {
    this.align(4);
    this.#bytes.push(0, 0, 0, 0);
    this.setU32(this.length - 4, value);
  }

  setU32(at: number, value: number): void {
    for (let index = 0; index < 4; index++) this.#bytes[at + index] = value >>> 8 * index & 255;
  }

  /** Returns the kind of the value. */
  value(value: string | number | boolean): string {
    if (typeof value !== "string") {
      this.u32(Number(value));
      return typeof value === "boolean" ? "b" : "u";
    }
    const text = new TextEncoder().encode(value);
    this.u32(text.length);
    this.bytes(text);
    this.byte(0);
    return "s";
  }

  field(code: number, kind: "s" | "o" | "g", text: string): void {
    this.align(8);
    this.byte(code);
    this.#signature(kind);
    if (kind === "g") this.#signature(text);
    else this.value(text);
  }

  take(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#bytes);
  }

  #signature(kinds: string): void {
    this.byte(kinds.length);
    this.bytes(new TextEncoder().encode(kinds));
    this.byte(0);
  }
}

class Reader {
  readonly view: DataView<ArrayBuffer>;
  at = 0;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #isLittle: boolean;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#isLittle = this.view.getUint8(0) === LITTLE_ENDIAN;
  }

  align(to: number): void {
    this.at = aligned(this.at, to);
  }

  byte(): number {
    return this.view.getUint8(this.at++);
  }

  u32(at: number): number {
    return this.view.getUint32(at, this.#isLittle);
  }

  signature(): string {
    return this.#text(this.byte());
  }

  /** Of a kind that this module writes. */
  value(kind: string): string | number | boolean {
    if (kind === "g") return this.signature();
    this.align(4);
    const number = this.u32(this.at);
    this.at += 4;
    if (kind === "b") return number !== 0;
    return kind === "u" ? number : this.#text(number);
  }

  #text(length: number): string {
    const text = new TextDecoder().decode(this.#bytes.subarray(this.at, this.at + length));
    this.at += length + 1;
    return text;
  }
}
