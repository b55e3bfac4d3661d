/** Finds where HTTP/1.1 requests begin and end in what a client sends. Knows no socket and no time. */

export interface RequestHead {
  readonly method: string;
  /** Path and query as they are on the wire. */
  readonly target: string;
  header(name: string): string | undefined;
  /** Bytes that follow the head. */
  readonly bodyBytes: number;
}

const HEAD_BYTES_MAX = 64 * 1024;
const HEAD_END = new Uint8Array([13, 10, 13, 10]);

/** A head at the start of `bytes`, and its length; undefined while it is not complete. */
export function scanHead(
  bytes: Uint8Array,
): { readonly head: RequestHead; readonly headBytes: number } | undefined {
  const end = indexOf(bytes, HEAD_END);
  if (end < 0) {
    if (bytes.length > HEAD_BYTES_MAX) {
      throw new Error("Cannot follow a request: its head has no end");
    }
    return undefined;
  }
  const [first = "", ...lines] = new TextDecoder().decode(bytes.subarray(0, end)).split("\r\n");
  const [method = "", target = ""] = first.split(" ");
  const headers = new Map(lines.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  }));
  if (headers.has("transfer-encoding")) {
    throw new Error(`Cannot follow ${method} ${target}: its body has no length`);
  }
  const head: RequestHead = {
    method,
    target,
    header: (name) => headers.get(name),
    bodyBytes: Number(headers.get("content-length") ?? 0),
  };
  return { head, headBytes: end + HEAD_END.length };
}

function indexOf(bytes: Uint8Array, wanted: Uint8Array): number {
  for (let at = bytes.indexOf(13); at >= 0; at = bytes.indexOf(13, at + 1)) {
    if (wanted.every((byte, index) => bytes[at + index] === byte)) return at;
  }
  return -1;
}
