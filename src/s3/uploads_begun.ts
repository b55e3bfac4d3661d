/** Finds multipart uploads whose id did not reach us: the server has them, and nobody else does. */
import type { ObjectStore, OpenUpload } from "./object_store.ts";

/** Wall time by this machine's clock, milliseconds since the epoch. */
export interface Period {
  readonly fromMs: number;
  readonly toMs: number;
}

/** So far the server's clock may be from ours. What is missed costs nothing: it has no parts. */
const CLOCKS_MS = 60_000;

/** The ids of the uploads to exactly this key that were begun in the period and are under way. */
export async function uploadsBegun(
  store: ObjectStore,
  key: string,
  { fromMs, toMs }: Period,
  signal: AbortSignal,
): Promise<string[]> {
  const found: OpenUpload[] = [];
  let token: string | undefined;
  do {
    const options = { prefix: key, ...(token === undefined ? {} : { token }) };
    const page = await store.listMultipart(options, signal);
    const ofKey = page.uploads.filter((upload) => upload.key === key);
    found.push(...ofKey);
    // The key itself comes first of all that begin with it.
    token = ofKey.length < page.uploads.length ? undefined : page.nextToken;
  } while (token !== undefined);
  return found.filter(({ initiatedMs }) =>
    initiatedMs > fromMs - CLOCKS_MS && initiatedMs < toMs + CLOCKS_MS
  ).map(({ uploadId }) => uploadId);
}
