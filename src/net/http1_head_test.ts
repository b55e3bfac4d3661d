import assert from "node:assert/strict";
import { HttpError } from "./http_error.ts";
import {
  endOfHead,
  framingOf,
  looksLikeHttp,
  parseChunkSize,
  parseHead,
  requestHead,
} from "./http1_head.ts";

function bytes(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

function isProtocolError(error: unknown): boolean {
  return error instanceof HttpError && error.kind === "protocol";
}

function framing(method: string, head: string): unknown {
  return framingOf(method, parseHead(bytes(`${head}\r\n\r\n`)));
}

Deno.test("the end of a head is found wherever the network has cut it", () => {
  const head = bytes("HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody\r\n\r\n");
  for (let size = 0; size <= head.byteLength; size++) {
    for (let looked = 0; looked <= Math.min(size, 24); looked++) {
      const expected = size < 25 ? undefined : 25;
      assert.equal(endOfHead(head.subarray(0, size), looked), expected, `${size} ${looked}`);
    }
  }
});

Deno.test("a head is parsed, names in lower case, values as Latin-1 and without padding", () => {
  const head = parseHead(
    bytes(
      'HTTP/1.1 206 Partial: Content\r\nETag:\t "a" \r\nX-A: 1\r\nx-a: 2\r\nX-M: \xe9\r\nE:\r\n\r\n',
    ),
  );
  assert.equal(head.status, 206);
  assert.equal(head.headers.get("etag"), '"a"');
  assert.equal(head.headers.get("x-a"), "1, 2");
  assert.equal(head.headers.get("x-m"), "\xe9");
  assert.equal(head.headers.get("e"), "");
  assert.equal(head.headers.get("none"), null);
  assert.equal(head.headers.has("none"), false);
  assert.deepEqual([...head.headers].map(([name]) => name), ["etag", "x-a", "x-m", "e"]);
});

Deno.test("a connection is kept unless version or header say otherwise", () => {
  const keepsOpen = (head: string) => parseHead(bytes(`${head}\r\n\r\n`)).keepsOpen;
  assert.equal(keepsOpen("HTTP/1.1 200"), true);
  assert.equal(keepsOpen("HTTP/1.1 200 OK\r\nConnection: keep-alive"), true);
  assert.equal(keepsOpen("HTTP/1.1 200 OK\r\nConnection: x, Close"), false);
  assert.equal(keepsOpen("HTTP/1.0 200 OK\r\nConnection: keep-alive"), false);
});

Deno.test("heads that are wrong or ambiguous are refused", () => {
  const heads = [
    "HTTP/2 200 OK",
    "HTTP/1.1 2000 OK",
    "HTTP/1.1 20 OK",
    "ICY 200 OK",
    "HTTP/1.1 200 OK\r\nA : b",
    "HTTP/1.1 200 OK\r\nA: b\r\n folded",
    "HTTP/1.1 200 OK\r\n: b",
    "HTTP/1.1 200 OK\r\nno colon",
  ];
  for (const head of heads) {
    assert.throws(() => parseHead(bytes(`${head}\r\n\r\n`)), isProtocolError, head);
  }
});

Deno.test("what does not begin like HTTP is told apart from what may still become it", () => {
  for (const text of ["", "H", "HTTP/1.", "HTTP/1.1 200"]) {
    assert.equal(looksLikeHttp(bytes(text)), true, text);
  }
  for (const text of ["SSH-2.0", "HTTP/2", "<html>", "\x15\x03\x01"]) {
    assert.equal(looksLikeHttp(bytes(text)), false, text);
  }
});

Deno.test("the end of a body is where RFC 9112 says", () => {
  assert.equal(framing("GET", "HTTP/1.1 200 OK\r\nContent-Length: 12"), 12);
  assert.equal(framing("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 12"), 0);
  assert.equal(framing("GET", "HTTP/1.1 304 OK\r\nContent-Length: 12"), 0);
  assert.equal(framing("DELETE", "HTTP/1.1 204 OK"), 0);
  assert.equal(framing("GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked"), "chunked");
  assert.equal(framing("GET", "HTTP/1.1 200 OK"), "close");
  const wrong = [
    "Content-Length: 12\r\nContent-Length: 13",
    "Content-Length: -1",
    "Content-Length: 0x10",
    "Content-Length: 12\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: gzip, chunked",
  ];
  for (const lines of wrong) {
    assert.throws(() => framing("GET", `HTTP/1.1 200 OK\r\n${lines}`), isProtocolError, lines);
  }
});

Deno.test("the sizes of chunks are hexadecimal, with or without extensions", () => {
  assert.equal(parseChunkSize("1aF"), 0x1af);
  assert.equal(parseChunkSize("0;name=value"), 0);
  for (const line of ["", "-1", "0x1", "1 2", "fffffffffffff"]) {
    assert.throws(() => parseChunkSize(line), isProtocolError, line);
  }
});

Deno.test("a request's head has what was given, and never another line", () => {
  const address = { host: "h:1", target: "/a?b=c" };
  const head = (
    headers: Record<string, string>,
    more: { method?: string; body?: Uint8Array<ArrayBuffer> } = {},
  ) => String.fromCharCode(...requestHead({ method: "GET", headers, ...more }, address));
  assert.equal(
    head({ "x-a": "\xe9", "accept-encoding": "gzip" }, { method: "PUT", body: new Uint8Array(3) }),
    "PUT /a?b=c HTTP/1.1\r\nhost: h:1\r\ncontent-length: 3\r\nx-a: \xe9\r\naccept-encoding: gzip\r\n\r\n",
  );
  assert.match(head({}), /\r\naccept-encoding: identity\r\n\r\n$/);
  for (const method of ["PUT", "POST"]) assert.match(head({}, { method }), /content-length: 0\r\n/);
  for (const method of ["GET", "HEAD", "DELETE"]) {
    assert.doesNotMatch(head({}, { method }), /content-length/);
  }
  for (const value of ["a\r\nb: c", "a\nb", "\0", "\u0100"]) {
    assert.throws(() => head({ a: value }), TypeError);
  }
});
