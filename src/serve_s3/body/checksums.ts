/** The `x-amz-checksum-*` algorithms (S3 user guide, "Checking object integrity"). */
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { Buffer } from "node:buffer";
import {
  combineCrc,
  CRC32_POLYNOMIAL,
  CRC32C_POLYNOMIAL,
  CRC64NVME_POLYNOMIAL,
  createCrc32c,
  createCrc64Nvme,
} from "./crc.ts";
import { S3Error } from "../s3_error.ts";

/** Name as in requests and listings; in lower case the end of the header name. */
export type ChecksumAlgorithm = "CRC32" | "CRC32C" | "CRC64NVME" | "SHA1" | "SHA256";

export const CHECKSUM_ALGORITHMS: readonly ChecksumAlgorithm[] = [
  "CRC32",
  "CRC32C",
  "CRC64NVME",
  "SHA1",
  "SHA256",
];

/** Over all bytes, or (multipart only) over the checksums of the parts. */
export type ChecksumType = "FULL_OBJECT" | "COMPOSITE";

/** A checksum in base64; a composite one ends with "-N". */
export interface Checksum {
  readonly algorithm: ChecksumAlgorithm;
  readonly value: string;
  readonly type: ChecksumType;
}

export interface ChecksumHasher {
  update(bytes: Uint8Array): void;
  /** Base64; the hasher is spent. */
  digest(): string;
}

const SIZE_BYTES: Readonly<Record<ChecksumAlgorithm, number>> = {
  CRC32: 4,
  CRC32C: 4,
  CRC64NVME: 8,
  SHA1: 20,
  SHA256: 32,
};

export function checksumHeader(algorithm: ChecksumAlgorithm): string {
  return `x-amz-checksum-${algorithm.toLowerCase()}`;
}

/** The element name in XML, for example `ChecksumCRC32`. */
export function checksumElement(algorithm: ChecksumAlgorithm): string {
  return `Checksum${algorithm}`;
}

export function parseChecksumAlgorithm(name: string): ChecksumAlgorithm {
  const found = CHECKSUM_ALGORITHMS.find((algorithm) => algorithm === name.toUpperCase());
  if (found !== undefined) return found;
  throw new S3Error("InvalidRequest", "Checksum algorithm provided is unsupported.");
}

export function createChecksum(algorithm: ChecksumAlgorithm): ChecksumHasher {
  switch (algorithm) {
    case "CRC32": {
      let value = 0;
      return {
        update: (bytes) => value = crc32(bytes, value),
        digest: () => toBase64(BigInt(value), 4),
      };
    }
    case "CRC32C":
    case "CRC64NVME": {
      const crc = algorithm === "CRC32C" ? createCrc32c() : createCrc64Nvme();
      return {
        update: (bytes) => crc.update(bytes),
        digest: () => toBase64(crc.value(), SIZE_BYTES[algorithm]),
      };
    }
    case "SHA1":
    case "SHA256": {
      const hash = createHash(algorithm.toLowerCase());
      return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest("base64") };
    }
  }
}

/** Refuses a value that cannot be a checksum of that algorithm. */
export function checkChecksumSyntax(algorithm: ChecksumAlgorithm, value: string): void {
  const bytes = Buffer.from(value, "base64");
  if (bytes.length === SIZE_BYTES[algorithm] && bytes.toString("base64") === value) return;
  throw new S3Error("InvalidRequest", `Value for ${checksumHeader(algorithm)} header is invalid.`);
}

/** The checksum over the parts' checksums. */
export function compositeChecksum(algorithm: ChecksumAlgorithm, parts: readonly string[]): string {
  const hasher = createChecksum(algorithm);
  for (const part of parts) hasher.update(Buffer.from(part, "base64"));
  return `${hasher.digest()}-${parts.length}`;
}

const POLYNOMIALS: Partial<Record<ChecksumAlgorithm, bigint>> = {
  CRC32: CRC32_POLYNOMIAL,
  CRC32C: CRC32C_POLYNOMIAL,
  CRC64NVME: CRC64NVME_POLYNOMIAL,
};

/** True for the CRCs: their value over all parts follows from the parts' values. */
export function canCombine(algorithm: ChecksumAlgorithm): boolean {
  return POLYNOMIALS[algorithm] !== undefined;
}

/** The checksum over all bytes, from those of the parts; `canCombine` must hold. */
export function combinedChecksum(
  algorithm: ChecksumAlgorithm,
  parts: readonly { readonly value: string; readonly size: number }[],
): string {
  const polynomial = POLYNOMIALS[algorithm];
  if (polynomial === undefined) throw new RangeError(`Cannot combine checksums: ${algorithm}`);
  let combined = 0n;
  for (const part of parts) {
    const value = BigInt(`0x${Buffer.from(part.value, "base64").toString("hex")}`);
    combined = combineCrc(combined, value, part.size, polynomial);
  }
  return toBase64(combined, SIZE_BYTES[algorithm]);
}

function toBase64(value: bigint, sizeBytes: number): string {
  return Buffer.from(value.toString(16).padStart(2 * sizeBytes, "0"), "hex").toString("base64");
}
