/** Posts a small report to a server that is none of S3's: outside the pool, and never waited for long. */

const DEADLINE_MS = 10_000;

export interface PostedReport {
  readonly status: number;
  /** What the server asks for in these headers, if it does; names in lower case. */
  header(name: string): string | null;
}

/** Rejects when there is no answer. */
export async function postReport(
  url: string,
  headers: Readonly<Record<string, string>>,
  body: string | Uint8Array<ArrayBuffer>,
): Promise<PostedReport> {
  const signal = AbortSignal.timeout(DEADLINE_MS);
  const answer = await fetch(url, { method: "POST", headers, body, signal });
  await answer.body?.cancel();
  return { status: answer.status, header: (name) => answer.headers.get(name) };
}
