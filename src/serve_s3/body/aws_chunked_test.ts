import assert from "node:assert/strict";
import { decodeAwsChunked } from "./aws_chunked.ts";

const encoder = new TextEncoder();

/** Decodes `encoded`, fed in pieces of `pieceBytes`. */
async function decode(encoded: string, pieceBytes: number, trailing = true) {
  async function* pieces() {
    const bytes = encoder.encode(encoded);
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      yield await Promise.resolve(bytes.subarray(at, at + pieceBytes));
    }
  }
  const trailers = new Map<string, string>();
  let text = "";
  for await (const bytes of decodeAwsChunked(pieces(), { trailing, trailers })) {
    text += new TextDecoder().decode(bytes);
  }
  return { text, trailers: Object.fromEntries(trailers) };
}

const long = "x".repeat(8192);

Deno.test("decodeAwsChunked gives payload and trailers, however the bytes arrive", async () => {
  const encoded = `2000\r\n${long}\r\n5;chunk-signature=ab\r\nhello\r\n0\r\n` +
    "x-amz-checksum-crc32: AAAAAA==\r\nX-Other:b\r\n\r\n";
  for (const pieceBytes of [1, 2, 3, 1000, 100_000]) {
    assert.deepEqual(await decode(encoded, pieceBytes), {
      text: `${long}hello`,
      trailers: { "x-amz-checksum-crc32": "AAAAAA==", "x-other": "b" },
    });
  }
  assert.equal((await decode("0\r\n\r\n", 3)).text, "");
  assert.equal((await decode("1\r\na\r\n0\r\n\r\n", 3, false)).text, "a");
});

Deno.test("decodeAwsChunked refuses what is not well-formed", async () => {
  const cases: [string, string][] = [
    ["IncompleteBody", ""],
    ["IncompleteBody", "5\r\nhell"],
    ["IncompleteBody", "5\r\nhello"],
    ["IncompleteBody", "5\r\nhello\r\n"],
    ["IncompleteBody", "5\r\nhelloX\r\n0\r\n\r\n"],
    ["IncompleteBody", "zz\r\nhello\r\n0\r\n\r\n"],
    ["IncompleteBody", "0\r\n\r\nmore"],
    ["IncompleteBody", `${"0".repeat(2000)}\r\n`],
    ["MalformedTrailerError", "0\r\nno colon\r\n\r\n"],
    ["InvalidChunkSizeError", "5\r\nhello\r\n5\r\nhello\r\n0\r\n\r\n"],
  ];
  for (const [code, encoded] of cases) {
    await assert.rejects(decode(encoded, 7), { code }, JSON.stringify(encoded.slice(0, 40)));
  }
});
