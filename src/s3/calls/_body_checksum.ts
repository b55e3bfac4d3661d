/**
 * The checksum that goes with a body, beside its signature, and whether the answer tells that the
 * server has stored just these bytes: it repeats the checksum, or gives the MD5 as the ETag.
 */
import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";
import type { HttpHeaders } from "../../net/http_exchange.ts";
import type { S3Client } from "../client.ts";
import { IntegrityError } from "../errors.ts";
import { md5OfBody } from "../payload_hash.ts";

const CRC32_HEADER = "x-amz-checksum-crc32";

/** An ETag that is an MD5, without its quotes. */
const MD5_ETAG = /^"?([0-9a-f]{32})"?$/;

export interface BodyChecksum {
  /** To be sent with the body. */
  readonly headers: Readonly<Record<string, string>>;
  /** Throws `IntegrityError` when the answer tells of other bytes. Returns their MD5, where it is known. */
  verify(answer: HttpHeaders): Promise<string | undefined>;
}

/** `algorithm` says what the endpoint takes. */
export async function bodyChecksum(
  client: S3Client,
  call: { readonly operation: string; readonly key: string },
  algorithm: "crc32" | "md5",
  body: Uint8Array<ArrayBuffer>,
): Promise<BodyChecksum> {
  const failed = (sent: string, answered: string, etag?: string) => {
    const message = `what the server stored (${answered}) is not what was sent (${sent})`;
    const details = { operation: call.operation, bucket: client.bucket, key: call.key };
    return new IntegrityError(message, { ...details, hint: "It is sent again" }, etag);
  };
  const compareEtag = (md5: string, answer: HttpHeaders) => {
    const etag = answer.get("etag") ?? "";
    const stored = md5OfEtag(client, answer, etag);
    if (stored !== undefined && stored !== md5) throw failed(`MD5 ${md5}`, `MD5 ${stored}`, etag);
    return md5;
  };
  if (algorithm === "md5") {
    const md5 = await md5OfBody(body);
    return {
      headers: { "content-md5": Buffer.from(md5, "hex").toString("base64") },
      verify: (answer) => Promise.resolve(compareEtag(md5, answer)),
    };
  }
  const sum = crc32Base64(body);
  return {
    headers: { [CRC32_HEADER]: sum },
    verify: async (answer) => {
      const stored = answer.get(CRC32_HEADER);
      // A server that took the header for nothing may still tell the MD5.
      if (stored === null) return compareEtag(await md5OfBody(body), answer);
      const etag = answer.get("etag") ?? "";
      if (stored !== sum) throw failed(`CRC32 ${sum}`, `CRC32 ${stored}`, etag);
      return md5OfEtag(client, answer, etag);
    },
  };
}

/** The MD5 that an ETag is, where it is one: not of objects that are encrypted with keys of KMS. */
function md5OfEtag(client: S3Client, answer: HttpHeaders, etag: string): string | undefined {
  if (!etagsAreMd5(client, answer)) return undefined;
  return MD5_ETAG.exec(etag)?.[1];
}

/** Whether the ETags of an answer follow from the bytes. */
export function etagsAreMd5(client: S3Client, answer: HttpHeaders): boolean {
  const encryption = answer.get("x-amz-server-side-encryption") ?? "";
  return client.endpoint.quirks.etag === "md5" && !encryption.startsWith("aws:kms") &&
    !answer.has("x-amz-server-side-encryption-customer-algorithm");
}

function crc32Base64(body: Uint8Array): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32(body));
  return bytes.toString("base64");
}
