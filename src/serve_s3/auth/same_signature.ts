/** Comparing signatures, and the error when they differ. */
import { timingSafeEqual } from "node:crypto";
import { Buffer } from "node:buffer";
import { S3Error } from "../s3_error.ts";

export function sameSignature(expected: string, given: string): boolean {
  const [a, b] = [Buffer.from(expected), Buffer.from(given)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** `details` may tell what the server signed, which is how one finds the difference. */
export function signatureMismatch(details: Record<string, string>): S3Error {
  return new S3Error(
    "SignatureDoesNotMatch",
    "The request signature we calculated does not match the signature you provided. " +
      "Check your key and signing method.",
    { details },
  );
}
