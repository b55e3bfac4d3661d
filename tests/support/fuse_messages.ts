/** Builds raw FUSE requests and takes raw replies apart, independently of the codec under test. */

/** Bytes from fields: a string is text with its NUL, `[bits, value]` an integer, bytes are themselves. */
export type Field = string | readonly [32 | 64, number] | Uint8Array;

export function u32(value: number): readonly [32, number] {
  return [32, value];
}

export function u64(value: number): readonly [64, number] {
  return [64, value];
}

export function pack(...fields: readonly Field[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(fields.flatMap((field) => {
    if (typeof field === "string") return [...new TextEncoder().encode(field + "\0")];
    if (field instanceof Uint8Array) return [...field];
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigInt64(0, BigInt(field[1]), true);
    return [...bytes.subarray(0, field[0] / 8)];
  }));
}

export interface RequestOptions {
  readonly unique?: number;
  readonly inode?: number;
  readonly pid?: number;
  readonly resent?: boolean;
}

/** A request of uid 1000, gid 1001. */
export function request(
  opcode: number,
  { unique = 2, inode = 1, pid = 0, resent = false }: RequestOptions,
  ...fields: readonly Field[]
): Uint8Array<ArrayBuffer> {
  const body = pack(...fields);
  const head = pack(u32(40 + body.length), u32(opcode), u64(unique), u64(inode));
  if (resent) head[15] = 0x80;
  return pack(head, u32(1000), u32(1001), u32(pid), u32(0), body);
}

export interface RawReply {
  readonly length: number;
  /** 0, or an error number below zero. */
  readonly error: number;
  readonly unique: bigint;
  readonly body: Uint8Array<ArrayBuffer>;
}

export function takeApart(reply: Uint8Array<ArrayBuffer> | undefined): RawReply {
  if (reply === undefined) throw new Error("there is no such reply");
  const view = new DataView(reply.buffer);
  return {
    length: view.getUint32(0, true),
    error: view.getInt32(4, true),
    unique: view.getBigUint64(8, true),
    body: reply.slice(16),
  };
}
