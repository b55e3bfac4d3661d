import assert from "node:assert/strict";
import {
  combineCrc,
  CRC32C_POLYNOMIAL,
  CRC64NVME_POLYNOMIAL,
  createCrc32c,
  createCrc64Nvme,
} from "./crc.ts";

const check = new TextEncoder().encode("123456789");

Deno.test("CRC-32C and CRC-64/NVME give their catalogued check values", () => {
  const crc32c = createCrc32c();
  crc32c.update(check);
  assert.equal(crc32c.value(), 0xe3069283n);
  const crc64 = createCrc64Nvme();
  crc64.update(check);
  assert.equal(crc64.value(), 0xae8b14860a799888n);
});

Deno.test("a CRC does not depend on how the bytes were split", () => {
  const bytes = new Uint8Array(1000).map((_, i) => (i * 7 + (i >> 3)) & 255);
  for (const create of [createCrc32c, createCrc64Nvme]) {
    const whole = create();
    whole.update(bytes);
    for (const split of [1, 7, 8, 9, 500, 993]) {
      const parts = create();
      parts.update(bytes.subarray(0, split));
      parts.update(bytes.subarray(split));
      assert.equal(parts.value(), whole.value(), `split at ${split}`);
    }
  }
});

Deno.test("combineCrc gives the CRC of the concatenation", () => {
  const bytes = new Uint8Array(5000).map((_, i) => (i * 31) & 255);
  for (
    const [create, polynomial] of [
      [createCrc32c, CRC32C_POLYNOMIAL],
      [createCrc64Nvme, CRC64NVME_POLYNOMIAL],
    ] as const
  ) {
    const [a, b, both] = [create(), create(), create()];
    a.update(bytes.subarray(0, 1234));
    b.update(bytes.subarray(1234));
    both.update(bytes);
    assert.equal(combineCrc(a.value(), b.value(), 5000 - 1234, polynomial), both.value());
  }
});
