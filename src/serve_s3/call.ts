/** What the handler of an operation gets, and small things that most of them need. */
import type { Clock } from "../base/clock.ts";
import type { ChunkSigner } from "./auth/chunk_signer.ts";
import type { S3Request } from "./request.ts";
import { xmlDocument } from "./xml_writer.ts";
import type { Bucket } from "./store/bucket.ts";
import type { Buckets } from "./store/buckets.ts";

/** One authenticated request. */
export interface Call {
  readonly request: S3Request;
  readonly buckets: Buckets;
  readonly region: string;
  readonly clock: Clock;
  /** Checks the signatures of an aws-chunked body; absent when anyone may do anything. */
  readonly signer: ChunkSigner | undefined;
}

/** Answers one operation; failures are thrown as `S3Error`. */
export type Handler = (call: Call) => Response | Promise<Response>;

/** The bucket of the request, which must exist. */
export function bucketOf(call: Call): Bucket {
  return call.buckets.get(call.request.bucket);
}

export function xmlResponse(
  root: string,
  content: readonly string[],
  headers: Record<string, string> = {},
): Response {
  return new Response(xmlDocument(root, ...content), {
    headers: { "content-type": "application/xml", ...headers },
  });
}

export function emptyResponse(status: number, headers: Record<string, string> = {}): Response {
  return new Response(null, { status, headers });
}

/** The one owner of everything, as S3 shows it. */
export const OWNER_ID = "75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a";

/** S3 keeps times to the second. */
export function isoTime(ms: number): string {
  return new Date(Math.floor(ms / 1000) * 1000).toISOString();
}
