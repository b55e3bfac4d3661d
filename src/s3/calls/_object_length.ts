/** Requests whose answer must tell the length of what is stored. */
import type { HttpResponse } from "../../net/http_exchange.ts";
import type { S3Call, S3Client } from "../client.ts";

/**
 * Sends a GET or HEAD. Deno 2.6 unpacks bodies with `Content-Encoding: gzip` whatever the
 * request says, and then hides their length; such an object is asked for again with the header
 * replaced, which S3 offers to signed requests.
 */
export async function sendForLength(
  client: S3Client,
  call: S3Call,
  signal: AbortSignal,
): Promise<HttpResponse> {
  const response = await client.send(call, signal);
  if (response.headers.has("content-length")) return response;
  await response.body.cancel();
  return await client.send(
    { ...call, query: { ...call.query, "response-content-encoding": "identity" } },
    signal,
  );
}
