/** What the fault proxy answers by itself. */

const errorDocument = (code: string, message: string): string =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}` +
  "</Message><RequestId>FAULTPROXY</RequestId></Error>";

/** Status, reason and body. */
export const ERRORS: Readonly<
  Record<"slow_down" | "internal_error" | "expired_token", readonly [number, string, string]>
> = {
  slow_down: [503, "Slow Down", errorDocument("SlowDown", "Please reduce your request rate.")],
  internal_error: [
    500,
    "Internal Server Error",
    errorDocument("InternalError", "We encountered an internal error. Please try again."),
  ],
  expired_token: [
    400,
    "Bad Request",
    errorDocument("ExpiredToken", "The provided token has expired."),
  ],
};

export const GARBAGE: Readonly<
  Record<"html" | "binary" | "truncated_xml", readonly [string, Uint8Array | string]>
> = {
  html: ["text/html", "<!DOCTYPE html><html><body><h1>Sign in to the hotel's network</h1></html>"],
  binary: ["application/octet-stream", new Uint8Array(512).map((_, i) => (i * 197 + 31) & 255)],
  truncated_xml: [
    "application/xml",
    '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult><Name>bucket</Name><Contents><Key>a',
  ],
};
