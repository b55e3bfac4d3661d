/** A request taken apart by hand: URL parsers would normalise `..`, `//` and escapes, which are part of keys. */
import { S3Error } from "./s3_error.ts";

/** Longest key, in bytes of UTF-8 (S3 user guide, "Naming objects"). */
const KEY_BYTES_MAX = 1024;

/** The query string, decoded, in the order sent. */
export class Query {
  readonly pairs: readonly (readonly [name: string, value: string])[];

  constructor(raw: string) {
    this.pairs = raw === "" ? [] : raw.split("&").filter((part) => part !== "").map((part) => {
      const equals = part.indexOf("=");
      const name = equals < 0 ? part : part.slice(0, equals);
      return [decode(name), equals < 0 ? "" : decode(part.slice(equals + 1))] as const;
    });
  }

  get(name: string): string | undefined {
    return this.pairs.find((pair) => pair[0] === name)?.[1];
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }
}

/** What was asked, not yet checked. */
export interface S3Request {
  readonly method: string;
  /** Decoded path as it was sent, before any virtual-host rewriting; it is what was signed. */
  readonly path: string;
  /** Empty for the service itself. */
  readonly bucket: string;
  /** Empty for the bucket itself. */
  readonly key: string;
  readonly query: Query;
  readonly headers: Headers;
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>> | null;
}

/** `isBucket` tells virtual-host style requests ("photos.example.test") from path style ones. */
export function parseRequest(request: Request, isBucket: (name: string) => boolean): S3Request {
  const afterScheme = request.url.slice("http://".length);
  const slash = afterScheme.search(/[\/?]/);
  const target = slash < 0 ? "/" : afterScheme.slice(slash);
  const question = target.indexOf("?");
  const path = decode(question < 0 ? target : target.slice(0, question));
  const hostBucket = bucketOfHost(request.headers.get("host") ?? "", isBucket);
  const rest = path.slice(1);
  const split = hostBucket === undefined ? rest.indexOf("/") : -1;
  const bucket = hostBucket ?? (split < 0 ? rest : rest.slice(0, split));
  const key = hostBucket !== undefined ? rest : split < 0 ? "" : rest.slice(split + 1);
  return {
    method: request.method,
    path,
    bucket,
    key,
    query: new Query(question < 0 ? "" : target.slice(question + 1)),
    headers: request.headers,
    body: request.body,
  };
}

/**
 * The bucket that a host name begins with: what stands before ".localhost", otherwise the longest
 * leading part that is an existing bucket. Addresses and single labels are path style.
 */
function bucketOfHost(hostHeader: string, isBucket: (name: string) => boolean): string | undefined {
  const host = hostHeader.replace(/:\d+$/, "").toLowerCase();
  if (host.startsWith("[") || /^[\d.]+$/.test(host)) return undefined;
  if (host.endsWith(".localhost")) return host.slice(0, -".localhost".length);
  for (let dot = host.lastIndexOf("."); dot > 0; dot = host.lastIndexOf(".", dot - 1)) {
    if (isBucket(host.slice(0, dot))) return host.slice(0, dot);
  }
  return undefined;
}

/** S3 takes "+" for a space in paths as well as in query strings. */
function decode(raw: string): string {
  try {
    return decodeURIComponent(raw.replaceAll("+", " "));
  } catch {
    throw new S3Error("InvalidURI", "Couldn't parse the specified URI.", { details: { URI: raw } });
  }
}

/** Refuses keys that S3 cannot store. */
export function checkKeyLength(key: string): void {
  const size = new TextEncoder().encode(key).length;
  if (size <= KEY_BYTES_MAX) return;
  throw new S3Error("KeyTooLongError", "Your key is too long", {
    details: { Size: String(size), MaxSizeAllowed: String(KEY_BYTES_MAX) },
  });
}

/** An integer query parameter within bounds, or `fallback` when absent. */
export function integerParameter(
  query: Query,
  name: string,
  fallback: number,
  min: number,
  max: number,
): number {
  const raw = query.get(name);
  if (raw === undefined || raw === "") return fallback;
  const value = /^-?\d{1,10}$/.test(raw) ? Number(raw) : NaN;
  if (value >= min && value <= max) return value;
  throw new S3Error("InvalidArgument", `Provided ${name} not an integer or within integer range`, {
    details: { ArgumentName: name, ArgumentValue: raw },
  });
}
