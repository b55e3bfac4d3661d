/** Why no complete HTTP answer came. */
import { messageOf } from "../base/message_of.ts";

export type HttpErrorKind =
  /** The host name does not resolve. */
  | "dns"
  /** Nothing listens there, or no route leads there. */
  | "connect"
  /** The TLS handshake failed: wrong certificate, or not a TLS server. */
  | "tls"
  /** The answer did not begin in time. */
  | "timeout"
  /** The body stopped coming. */
  | "stalled"
  /** What answered does not speak HTTP, or the answer is longer than allowed. */
  | "protocol"
  /** The connection was lost on the way. */
  | "broken";

export class HttpError extends Error {
  override readonly name = "HttpError";
  readonly kind: HttpErrorKind;

  constructor(kind: HttpErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

// Deno's fetch rejects with a TypeError whose text, or whose cause's text, comes from hyper and rustls.
const KINDS: readonly (readonly [RegExp, HttpErrorKind])[] = [
  [/dns error|failed to lookup address/i, "dns"],
  [/certificate|corrupt message|handshake|tls/i, "tls"],
  [/invalid HTTP|parsed|HTTP\/0|message head is too large/i, "protocol"],
  [/client error \(Connect\)|tcp connect error|connection refused|unreachable/i, "connect"],
];

/** Turns what `fetch` or a body read rejected with into an `HttpError`. */
export function toHttpError(error: unknown): HttpError {
  if (error instanceof HttpError) return error;
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : "";
  const text = `${messageOf(error)} ${cause}`;
  const kind = KINDS.find(([pattern]) => pattern.test(text))?.[1] ?? "broken";
  return new HttpError(kind, lastPart(cause === "" ? text.trim() : cause), { cause: error });
}

/** The end of hyper's chain of causes, without the URL: that may hold a key, and says nothing new. */
function lastPart(text: string): string {
  const parts = text.split(/: (?![^(]*\))/);
  return parts.slice(-2).join(": ").replace(/^.*client error \((\w+)\): /, "");
}
