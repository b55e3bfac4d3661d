/** As much of S3 as the benchmark needs to put its data there. Goes to the server itself, never over the line. */
import { BENCH_AGENT } from "./request_kinds.ts";
import { EMPTY_SHA256, type SigningCredentials, signV4 } from "../src/s3/sign_v4.ts";

const REGION = "us-east-1";
const PARALLEL = 32;

/** Keys must need no encoding. */
export class S3Client {
  readonly #url: string;
  readonly #credentials: SigningCredentials;

  constructor(url: string, credentials: SigningCredentials) {
    this.#url = url;
    this.#credentials = credentials;
  }

  async createBucket(bucket: string): Promise<void> {
    await this.#call("PUT", `/${bucket}`);
  }

  async putObject(bucket: string, key: string, body: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#call("PUT", `/${bucket}/${key}`, "", body);
  }

  /** Each object's body is asked for when it is its turn. */
  async putObjects(
    bucket: string,
    keys: readonly string[],
    body: (key: string) => Uint8Array<ArrayBuffer> | Promise<Uint8Array<ArrayBuffer>>,
  ): Promise<void> {
    await inParallel(keys, async (key) => this.putObject(bucket, key, await body(key)));
  }

  /** A large object of a repeated block, in parts of 64 MiB. */
  async putLarge(bucket: string, key: string, bytes: number): Promise<void> {
    const partBytes = 64 * 1024 * 1024;
    const block = pseudoRandom(Math.min(bytes, partBytes), bytes);
    if (bytes <= partBytes) return await this.putObject(bucket, key, block);
    const path = `/${bucket}/${key}`;
    const begun = await this.#call("POST", path, "uploads=");
    const id = /<UploadId>([^<]+)</.exec(begun.text)?.[1] ?? "";
    const parts: string[] = [];
    for (let number = 1, left = bytes; left > 0; number++, left -= partBytes) {
      const query = `partNumber=${number}&uploadId=${encodeURIComponent(id)}`;
      const { etag } = await this.#call("PUT", path, query, block.subarray(0, left));
      parts.push(`<Part><PartNumber>${number}</PartNumber><ETag>${etag}</ETag></Part>`);
    }
    const body = `<CompleteMultipartUpload>${parts.join("")}</CompleteMultipartUpload>`;
    const query = `uploadId=${encodeURIComponent(id)}`;
    await this.#call("POST", path, query, new TextEncoder().encode(body));
  }

  /** The object's ETag; undefined when there is none. */
  async etagOf(bucket: string, key: string): Promise<string | undefined> {
    const listed = await this.#call(
      "GET",
      `/${bucket}`,
      `list-type=2&prefix=${encodeURIComponent(key)}`,
    );
    return /<ETag>([^<]+)</.exec(listed.text)?.[1];
  }

  async listKeys(bucket: string): Promise<string[]> {
    const keys: string[] = [];
    for (let after = "";;) {
      const from = after === "" ? "" : `&start-after=${encodeURIComponent(after)}`;
      const { text } = await this.#call("GET", `/${bucket}`, `list-type=2${from}`);
      const page = [...text.matchAll(/<Key>([^<]+)<\/Key>/g)].map(([, key = ""]) => key);
      keys.push(...page);
      after = page.at(-1) ?? "";
      if (!text.includes("<IsTruncated>true<")) return keys;
    }
  }

  /** With all that is in it. */
  async removeBucket(bucket: string): Promise<void> {
    // A directory of versitygw goes after what is in it.
    const keys = (await this.listKeys(bucket)).sort().reverse();
    const remove = async (key: string) => {
      await this.#call("DELETE", `/${bucket}/${encodeKey(key)}`);
    };
    await inParallel(keys.filter((key) => !key.endsWith("/")), remove);
    for (const key of keys.filter((key) => key.endsWith("/"))) await remove(key);
    // An upload that a program left unfinished keeps it: it goes with the server's directory.
    await this.#call("DELETE", `/${bucket}`).catch(() => {});
  }

  async #call(
    method: string,
    path: string,
    query = "",
    body?: Uint8Array<ArrayBuffer>,
  ): Promise<{ readonly text: string; readonly etag: string }> {
    const headers = signV4({
      method,
      host: new URL(this.#url).host,
      path,
      query,
      headers: {},
      payloadHash: body === undefined ? EMPTY_SHA256 : "UNSIGNED-PAYLOAD",
      region: REGION,
      timeMs: Date.now(),
    }, this.#credentials);
    const url = `${this.#url}${path}${query === "" ? "" : `?${query}`}`;
    headers["user-agent"] = BENCH_AGENT;
    const response = await fetch(url, { method, headers, body: body ?? null });
    const text = await response.text();
    if (!response.ok) throw new Error(`Cannot ${method} ${path}: ${response.status} ${text}`);
    return { text, etag: response.headers.get("etag") ?? "" };
  }
}

function encodeKey(key: string): string {
  return key.split("/").map(encodeURIComponent).join("/");
}

/** Bytes that do not compress; the same for the same seed. */
export function pseudoRandom(bytes: number, seed: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(bytes / 4));
  let state = (seed ^ 0x9e3779b9) | 1;
  for (let index = 0; index < words.length; index++) {
    // Xorshift.
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[index] = state;
  }
  return new Uint8Array(words.buffer, 0, bytes);
}

async function inParallel<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  const work = async () => {
    for (const item of queue) await act(item);
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
}
