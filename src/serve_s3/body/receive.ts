/**
 * A request's body, decoded and checked while it is read: its length, the SHA-256 or chunk signatures
 * that were signed, Content-MD5 and the `x-amz-checksum-*` values.
 */
import { createHash, type Hash } from "node:crypto";
import { Buffer } from "node:buffer";
import type { ChunkSigner } from "../auth/chunk_signer.ts";
import { decodeAwsChunked } from "./aws_chunked.ts";
import {
  checkChecksumSyntax,
  type Checksum,
  CHECKSUM_ALGORITHMS,
  type ChecksumAlgorithm,
  type ChecksumHasher,
  checksumHeader,
  createChecksum,
  parseChecksumAlgorithm,
} from "./checksums.ts";
import { rawChunks } from "./raw_chunks.ts";
import type { S3Request } from "../request.ts";
import { S3Error } from "../s3_error.ts";

/** What is known of a body once all of it was read and found right. */
export interface BodyDigests {
  readonly size: number;
  readonly md5: Buffer;
  /** The one the client sent, and the one the server was asked to compute. */
  readonly checksums: readonly Checksum[];
  readonly sentIntegrityCheck: boolean;
}

/**
 * Passes every piece of the payload to `write`. Resolves when all of it was read and is as the
 * client said; otherwise rejects, and what was written must be thrown away. `compute` adds a
 * checksum whether or not the client sent it.
 */
export async function receiveBody(
  request: S3Request,
  signer: ChunkSigner | undefined,
  write: (bytes: Uint8Array) => Promise<void>,
  compute?: ChecksumAlgorithm,
): Promise<BodyDigests> {
  const { headers } = request;
  const size = payloadSize(headers);
  const sha256 = headers.get("x-amz-content-sha256") ?? "UNSIGNED-PAYLOAD";
  const expected = expectedChecksum(headers);
  const contentMd5 = expectedMd5(headers);
  const hashers = new Map<ChecksumAlgorithm, ChecksumHasher>();
  for (const algorithm of [expected?.algorithm, compute]) {
    if (algorithm !== undefined) hashers.set(algorithm, createChecksum(algorithm));
  }
  const md5 = createHash("md5");
  const payloadHash = /^[0-9a-f]{64}$/.test(sha256) ? createHash("sha256") : undefined;
  const trailers = new Map<string, string>();
  let received = 0;
  for await (const bytes of payload(request, sha256, signer, trailers)) {
    received += bytes.length;
    if (received > size) break;
    md5.update(bytes);
    payloadHash?.update(bytes);
    for (const hasher of hashers.values()) hasher.update(bytes);
    await write(bytes);
  }
  if (received !== size) {
    throw new S3Error(
      "IncompleteBody",
      "You did not provide the number of bytes specified by the Content-Length HTTP header",
    );
  }
  checkPayloadHash(sha256, payloadHash);
  const digests = { size, md5: md5.digest(), checksums: finishChecksums(hashers) };
  if (contentMd5 !== undefined && contentMd5 !== digests.md5.toString("base64")) {
    throw new S3Error("BadDigest", "The Content-MD5 you specified did not match what we received.");
  }
  checkChecksum(expected, headers, trailers, digests.checksums);
  return { ...digests, sentIntegrityCheck: expected !== undefined || contentMd5 !== undefined };
}

/** A small body as a whole, such as an XML document. */
export async function receiveBytes(
  request: S3Request,
  signer: ChunkSigner | undefined,
  bytesMax: number,
): Promise<{ bytes: Uint8Array; digests: BodyDigests }> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const digests = await receiveBody(request, signer, (chunk) => {
    size += chunk.length;
    if (size > bytesMax) {
      throw new S3Error("MalformedXML", `The request body is larger than ${bytesMax} bytes`);
    }
    chunks.push(chunk);
    return Promise.resolve();
  });
  return { bytes: Buffer.concat(chunks), digests };
}

/** Size of the payload without any chunk framing, which S3 wants to know before the body. */
export function payloadSize(headers: Headers): number {
  const streaming = (headers.get("x-amz-content-sha256") ?? "").startsWith("STREAMING-");
  const raw = headers.get(streaming ? "x-amz-decoded-content-length" : "content-length");
  const size = raw !== null && /^\d{1,15}$/.test(raw) ? Number(raw) : undefined;
  if (size !== undefined) return size;
  throw new S3Error("MissingContentLength", "You must provide the Content-Length HTTP header.");
}

function payload(
  request: S3Request,
  sha256: string,
  signer: ChunkSigner | undefined,
  trailers: Map<string, string>,
): AsyncIterable<Uint8Array> {
  const raw = rawChunks(request.body);
  switch (sha256) {
    case "STREAMING-AWS4-HMAC-SHA256-PAYLOAD":
    case "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER":
      return decodeAwsChunked(raw, {
        ...(signer === undefined ? {} : { signer }),
        trailing: sha256.endsWith("-TRAILER"),
        trailers,
      });
    case "STREAMING-UNSIGNED-PAYLOAD-TRAILER":
      return decodeAwsChunked(raw, { trailing: true, trailers });
    case "UNSIGNED-PAYLOAD":
      return raw;
    default:
      if (/^[0-9a-f]{64}$/.test(sha256)) return raw;
      throw new S3Error(
        "InvalidArgument",
        "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, a STREAMING-... form, or a valid sha256 value.",
        { details: { ArgumentName: "x-amz-content-sha256", ArgumentValue: sha256 } },
      );
  }
}

interface ExpectedChecksum {
  readonly algorithm: ChecksumAlgorithm;
  /** Absent when it comes as a trailer. */
  readonly value?: string;
}

function expectedChecksum(headers: Headers): ExpectedChecksum | undefined {
  const found: ExpectedChecksum[] = [];
  for (const algorithm of CHECKSUM_ALGORITHMS) {
    const header = checksumHeader(algorithm);
    const value = headers.get(header);
    if (value !== null) {
      checkChecksumSyntax(algorithm, value);
      found.push({ algorithm, value });
    } else if (headers.get("x-amz-trailer")?.toLowerCase().trim() === header) {
      found.push({ algorithm });
    }
  }
  if (found.length > 1) {
    throw new S3Error(
      "InvalidRequest",
      "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
    );
  }
  const announced = headers.get("x-amz-sdk-checksum-algorithm");
  if (announced !== null) {
    const algorithm = parseChecksumAlgorithm(announced);
    if (found.length === 0 && !headers.has("content-md5")) {
      throw new S3Error(
        "InvalidRequest",
        "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or " +
          "x-amz-trailer headers were found.",
      );
    }
    if (found.length === 1 && found[0]!.algorithm !== algorithm) {
      throw new S3Error(
        "InvalidRequest",
        "Value for x-amz-sdk-checksum-algorithm header is invalid.",
      );
    }
  }
  return found[0];
}

function expectedMd5(headers: Headers): string | undefined {
  const value = headers.get("content-md5");
  if (value === null) return undefined;
  const bytes = Buffer.from(value, "base64");
  if (bytes.length === 16 && bytes.toString("base64") === value) return value;
  throw new S3Error("InvalidDigest", "The Content-MD5 you specified is not valid.");
}

function checkPayloadHash(signed: string, computed: Hash | undefined): void {
  const digest = computed?.digest("hex");
  if (digest === undefined || digest === signed) return;
  throw new S3Error(
    "XAmzContentSHA256Mismatch",
    "The provided 'x-amz-content-sha256' header does not match what was computed.",
    { details: { ClientComputedContentSHA256: signed, S3ComputedContentSHA256: digest } },
  );
}

function finishChecksums(hashers: ReadonlyMap<ChecksumAlgorithm, ChecksumHasher>): Checksum[] {
  return [...hashers].map(([algorithm, hasher]) => ({
    algorithm,
    value: hasher.digest(),
    type: "FULL_OBJECT",
  }));
}

function checkChecksum(
  expected: ExpectedChecksum | undefined,
  headers: Headers,
  trailers: ReadonlyMap<string, string>,
  computed: readonly Checksum[],
): void {
  if (expected === undefined) return;
  const { algorithm } = expected;
  const value = expected.value ?? trailers.get(checksumHeader(algorithm));
  if (value === undefined) {
    throw new S3Error(
      "MalformedTrailerError",
      `The request announced the trailer ${headers.get("x-amz-trailer")} but did not send it.`,
    );
  }
  checkChecksumSyntax(algorithm, value);
  if (computed.find((checksum) => checksum.algorithm === algorithm)?.value === value) return;
  throw new S3Error(
    "BadDigest",
    `The ${algorithm} you specified did not match the calculated checksum.`,
  );
}
