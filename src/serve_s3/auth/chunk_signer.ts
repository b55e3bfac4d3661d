/** The chain of signatures over an aws-chunked body (S3 API reference, "Signature Calculations ... Chunked Upload"). */
import type { Buffer } from "node:buffer";
import { type CredentialScope, EMPTY_SHA256, scopeText, sha256Hex, signature } from "./sigv4.ts";
import { sameSignature, signatureMismatch } from "./same_signature.ts";

/** Checks chunk after chunk; each signature covers the one before, the first that of the request. */
export class ChunkSigner {
  readonly #key: Buffer;
  readonly #amzDate: string;
  readonly #scope: CredentialScope;
  #previous: string;

  constructor(key: Buffer, amzDate: string, scope: CredentialScope, seedSignature: string) {
    this.#key = key;
    this.#amzDate = amzDate;
    this.#scope = scope;
    this.#previous = seedSignature;
  }

  /** Throws `SignatureDoesNotMatch` unless `given` signs the chunk with that SHA-256. */
  checkChunk(chunkSha256: string, given: string): void {
    this.#check("AWS4-HMAC-SHA256-PAYLOAD", `${EMPTY_SHA256}\n${chunkSha256}`, given);
  }

  /** The same for the trailing headers, given as "name:value\n" lines. */
  checkTrailer(trailer: string, given: string): void {
    this.#check("AWS4-HMAC-SHA256-TRAILER", sha256Hex(trailer), given);
  }

  #check(algorithm: string, hashes: string, given: string): void {
    const text = [algorithm, this.#amzDate, scopeText(this.#scope), this.#previous, hashes];
    const expected = signature(this.#key, text.join("\n"));
    if (!sameSignature(expected, given)) throw signatureMismatch({});
    this.#previous = expected;
  }
}
