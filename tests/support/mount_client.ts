/** Another S3 client than the product's own: the AWS SDK as it comes. */
import { createHash } from "node:crypto";
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { FetchHttpHandler } from "@smithy/fetch-http-handler";
import type { TestS3Server } from "./s3_servers.ts";

/** What a HEAD tells. */
export interface ObjectHead {
  readonly size: number;
  readonly etag: string;
  readonly contentType: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
}

export class OtherClient implements Disposable {
  readonly bucket: string;
  readonly #client: S3Client;

  constructor(server: TestS3Server, bucket: string) {
    this.bucket = bucket;
    this.#client = new S3Client({
      endpoint: server.url,
      region: "us-east-1",
      forcePathStyle: true,
      credentials: {
        accessKeyId: server.accessKeyId,
        secretAccessKey: server.secretAccessKey,
      },
      requestHandler: new FetchHttpHandler(),
    });
  }

  async put(
    key: string,
    body: string | Uint8Array<ArrayBuffer>,
    metadata: Record<string, string> = {},
  ): Promise<void> {
    // Bytes in any case: of an empty string the SDK does not know the length.
    const Body = typeof body === "string" ? new TextEncoder().encode(body) : body;
    await this.#client.send(
      new PutObjectCommand({ Bucket: this.bucket, Key: key, Body, Metadata: metadata }),
    );
  }

  async get(key: string): Promise<Uint8Array<ArrayBuffer>> {
    return (await this.getWithMetadata(key)).bytes;
  }

  async getWithMetadata(key: string): Promise<{
    readonly bytes: Uint8Array<ArrayBuffer>;
    readonly metadata: Readonly<Record<string, string>>;
  }> {
    const { Body, Metadata } = await this.#client.send(
      new GetObjectCommand({ Bucket: this.bucket, Key: key }),
    );
    return { bytes: new Uint8Array(await Body!.transformToByteArray()), metadata: Metadata ?? {} };
  }

  /** SHA-256 of an object, which may be large. */
  async sha256(key: string): Promise<string> {
    const { Body } = await this.#client.send(
      new GetObjectCommand({ Bucket: this.bucket, Key: key }),
    );
    const hash = createHash("sha256");
    for await (const part of Body!.transformToWebStream()) hash.update(part);
    return hash.digest("hex");
  }

  async text(key: string): Promise<string> {
    return new TextDecoder().decode(await this.get(key));
  }

  /** Undefined when there is no such object. */
  async head(key: string): Promise<ObjectHead | undefined> {
    try {
      const found = await this.#client.send(
        new HeadObjectCommand({ Bucket: this.bucket, Key: key }),
      );
      return {
        size: found.ContentLength ?? 0,
        etag: found.ETag ?? "",
        contentType: found.ContentType,
        metadata: found.Metadata ?? {},
      };
    } catch (error) {
      if (error instanceof Error && error.name === "NotFound") return undefined;
      throw error;
    }
  }

  async delete(key: string): Promise<void> {
    await this.#client.send(new DeleteObjectCommand({ Bucket: this.bucket, Key: key }));
  }

  /** All keys below a prefix, in the order of keys, with their sizes. */
  async list(prefix = ""): Promise<Map<string, number>> {
    const found = new Map<string, number>();
    let token: string | undefined;
    do {
      const page = await this.#client.send(
        new ListObjectsV2Command({
          Bucket: this.bucket,
          Prefix: prefix,
          // So that names XML cannot hold come through.
          EncodingType: "url",
          ...(token === undefined ? {} : { ContinuationToken: token }),
        }),
      );
      for (const { Key, Size } of page.Contents ?? []) {
        found.set(page.EncodingType === "url" ? decodeKey(Key!) : Key!, Size ?? 0);
      }
      token = page.NextContinuationToken;
    } while (token !== undefined);
    return found;
  }

  async keys(prefix = ""): Promise<string[]> {
    return [...(await this.list(prefix)).keys()];
  }

  [Symbol.dispose](): void {
    this.#client.destroy();
  }
}

function decodeKey(key: string): string {
  return decodeURIComponent(key.replaceAll("+", " "));
}
