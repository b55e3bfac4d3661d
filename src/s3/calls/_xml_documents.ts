/** The small XML documents of requests and answers. */
import { createHash } from "node:crypto";
import type { HttpHeaders } from "../../net/http_exchange.ts";
import type { S3Call, S3Client } from "../client.ts";
import { XmlReader } from "../xml_reader.ts";

const NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/";

/** The body of a request, with its headers. `content` is XML. */
export function xmlBody(
  root: string,
  content: string,
): Required<Pick<S3Call, "body" | "headers">> {
  const body = new TextEncoder().encode(`<${root} xmlns="${NAMESPACE}">${content}</${root}>`);
  return {
    body,
    headers: {
      "content-type": "application/xml",
      // DeleteObjects needs a checksum, and this is the one that every server takes.
      "content-md5": createHash("md5").update(body).digest("base64"),
    },
  };
}

const ESCAPES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };

/** Text as an element's content. A plain carriage return would be read as a line feed. */
export function escapeXml(text: string): string {
  return text.replace(
    /[&<>\r\n\u0085\u2028]/g,
    (char) => ESCAPES[char] ?? `&#${char.charCodeAt(0)};`,
  );
}

/**
 * Reads an answer with `read`, which stands within the root element. Throws `ProtocolError` when it is
 * no XML.
 */
export function readXml<T>(
  client: S3Client,
  call: Pick<S3Call, "operation" | "key">,
  { text, headers }: { readonly text: string; readonly headers: HttpHeaders },
  read: (xml: XmlReader) => T,
): T {
  const xml = new XmlReader(text);
  try {
    xml.enter();
    return read(xml);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw client.protocolError(call, headers, `the answer cannot be parsed: ${error.message}`);
  }
}

/** The texts of the present element's children by their names, of each the first; leaves the element. */
export function readFields(xml: XmlReader): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  while (xml.enter()) {
    const { name } = xml;
    const text = xml.text();
    if (!fields.has(name)) fields.set(name, text);
  }
  return fields;
}

/** Sends a call whose answer has a field of that name, and returns it. */
export async function sendForField(
  client: S3Client,
  call: S3Call,
  root: string,
  field: string,
  signal: AbortSignal,
): Promise<{ readonly value: string; readonly headers: HttpHeaders }> {
  const answer = await client.sendForXml(call, [root], signal);
  const value = readXml(client, call, answer, readFields).get(field);
  if (value !== undefined && value !== "") return { value, headers: answer.headers };
  throw client.protocolError(call, answer.headers, `the answer has no ${field}`);
}
