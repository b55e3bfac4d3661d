import assert from "node:assert/strict";
import { FakeClock } from "../../tests/support/fake_clock.ts";
import { RequestBody } from "./request_body.ts";

const KIB = 1024;

Deno.test("RequestBody gives its bytes in pieces that grow while they are taken fast", async () => {
  const clock = new FakeClock();
  const bytes = Uint8Array.from({ length: 3_000_000 }, (_, i) => (i * 7) & 255);
  const progress: boolean[] = [];
  const body = new RequestBody(bytes, {
    clock,
    pace: undefined,
    signal: new AbortController().signal,
    onProgress: (isAllTaken) => progress.push(isAllTaken),
  });
  assert.equal(body.size, 3_000_000);
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  for await (const piece of body.stream()) pieces.push(piece);
  assert.deepEqual(new Uint8Array(await new Blob(pieces).arrayBuffer()), bytes);
  assert.deepEqual(
    pieces.slice(0, 4).map((piece) => piece.byteLength),
    [128 * KIB, 256 * KIB, 512 * KIB, 1024 * KIB],
  );
  assert.deepEqual(progress, [...pieces.slice(1).map(() => false), true]);
  for (const piece of pieces) assert.equal(piece.buffer, bytes.buffer); // nothing is copied
});

Deno.test("RequestBody goes back to small pieces on a slow line", async () => {
  const clock = new FakeClock();
  const body = new RequestBody(new Uint8Array(9_000_000), {
    clock,
    pace: undefined,
    signal: new AbortController().signal,
    onProgress: () => {},
  });
  const reader = body.stream().getReader();
  for (let i = 0; i < 5; i++) await reader.read();
  await clock.advance(1_500);
  assert.equal((await reader.read()).value?.byteLength, 64 * KIB);
  await clock.advance(500);
  assert.equal((await reader.read()).value?.byteLength, 64 * KIB);
  await reader.cancel();
});
