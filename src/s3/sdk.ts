/**
 * The AWS SDK as a codec: it serialises the calls that carry XML and parses their answers. Signing,
 * addressing, sending, errors and repeating are those of `S3Client`: the SDK gets a signer that does
 * nothing and a request handler that passes on what was asked.
 *
 * Loaded with the first such call, as importing it costs about 100 ms.
 */
import { createHash } from "node:crypto";
import type { HttpHeaders } from "../net/http_exchange.ts";
import type { S3Call, S3Client } from "./client.ts";
import { StoreError } from "./errors.ts";

type SdkModule = typeof import("@aws-sdk/client-s3");

/** The SDK's commands, and the one client that runs them. */
export interface Sdk {
  readonly commands: SdkModule;
  readonly client: InstanceType<SdkModule["S3Client"]>;
}

/** What an SDK call needs besides the command: everything of the request that the SDK does not say. */
export interface SdkCall extends Omit<S3Call, "method" | "query" | "body"> {
  /** Root elements that the answer may have. */
  readonly roots: readonly string[];
}

/** Handed through the SDK to the request handler below. */
class CallOptions {
  readonly store: S3Client;
  readonly call: SdkCall;
  readonly signal: AbortSignal;
  /** Why the handler failed; the SDK may wrap what it throws. */
  failure: { readonly error: unknown } | undefined;
  /** Of the answer. */
  headers: HttpHeaders = new Headers();

  constructor(store: S3Client, call: SdkCall, signal: AbortSignal) {
    this.store = store;
    this.call = call;
    this.signal = signal;
  }
}

/** A request as the SDK's serialisers leave it. */
interface SerialisedRequest {
  readonly method: string;
  readonly query?: Readonly<Record<string, string | string[] | null>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** Placeholder for the SDK; the endpoint puts the mount's own bucket into the address. */
export const SDK_BUCKET = "bucket";

/** Runs a command; `run` must pass `options` to the SDK client's `send`. */
export async function runSdk<Output>(
  store: S3Client,
  call: SdkCall,
  signal: AbortSignal,
  run: (sdk: Sdk, options: Record<never, never>) => Promise<Output>,
): Promise<{ readonly output: Output; readonly headers: HttpHeaders }> {
  const options = new CallOptions(store, call, signal);
  const sdk = await (loading ??= load());
  try {
    return { output: await run(sdk, options), headers: options.headers };
  } catch (error) {
    if (options.failure !== undefined) throw options.failure.error;
    if (error instanceof StoreError || signal.aborted) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw store.protocolError(call, options.headers, `the answer cannot be parsed: ${reason}`);
  }
}

let loading: Promise<Sdk> | undefined;

async function load(): Promise<Sdk> {
  const commands = await import("@aws-sdk/client-s3");
  const client = new commands.S3Client({
    // None of these reach the network: see the head of this file.
    region: "us-east-1",
    endpoint: "http://s3.invalid",
    forcePathStyle: true,
    credentials: { accessKeyId: "none", secretAccessKey: "none" },
    signer: { sign: (request) => Promise.resolve(request) },
    maxAttempts: 1,
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    requestHandler: { handle },
  });
  return { commands, client };
}

async function handle(
  request: SerialisedRequest,
  options?: unknown,
): Promise<
  { response: { statusCode: number; headers: Record<string, string>; body: Uint8Array } }
> {
  if (!(options instanceof CallOptions)) throw new TypeError("Cannot send: not called by runSdk");
  try {
    const { text, headers } = await options.store.sendForXml(
      translate(request, options.call),
      options.call.roots,
      options.signal,
    );
    options.headers = headers;
    const body = new TextEncoder().encode(text.trim());
    return { response: { statusCode: 200, headers: {}, body } };
  } catch (error) {
    options.failure = { error };
    throw error;
  }
}

function translate(request: SerialisedRequest, call: SdkCall): S3Call {
  const query: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.query ?? {})) {
    if (name !== "x-id") query[name] = String(value ?? "");
  }
  const body = bodyBytes(request.body);
  return {
    operation: call.operation,
    kind: call.kind,
    method: request.method === "POST" || request.method === "PUT" ? request.method : "GET",
    query,
    ...(call.key === undefined ? {} : { key: call.key }),
    ...(call.isLong === undefined ? {} : { isLong: call.isLong }),
    ...(call.isOnce === undefined ? {} : { isOnce: call.isOnce }),
    headers: { ...ownHeaders(request.headers), ...bodyHeaders(body), ...call.headers },
    ...(body === undefined ? {} : { body }),
  };
}

/** The S3 headers without those on the SDK itself, and its CRC32, which older servers refuse. */
function ownHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) =>
      name.startsWith("x-amz-") && name !== "x-amz-user-agent" &&
      name !== "x-amz-sdk-checksum-algorithm" && name !== "x-amz-checksum-crc32"
    ),
  );
}

/** DeleteObjects needs a checksum, and Content-MD5 is the one that every server takes. */
function bodyHeaders(body: Uint8Array | undefined): Record<string, string> {
  if (body === undefined) return {};
  return {
    "content-type": "application/xml",
    "content-md5": createHash("md5").update(body).digest("base64"),
  };
}

function bodyBytes(body: unknown): Uint8Array<ArrayBuffer> | undefined {
  if (body === undefined || body === null || body === "") return undefined;
  if (typeof body === "string") return new TextEncoder().encode(body);
  if (body instanceof Uint8Array) return new Uint8Array(body);
  throw new TypeError("Cannot send: the SDK gave a body of an unknown kind");
}
