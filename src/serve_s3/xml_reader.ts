/** Reading the small XML documents of S3 requests: elements and text; no DTD, attributes ignored. */
import { S3Error } from "./s3_error.ts";

/** An element; `name` comes without its namespace prefix. */
export class XmlElement {
  readonly name: string;
  readonly children: XmlElement[] = [];
  text = "";

  constructor(name: string) {
    this.name = name;
  }

  /** The first child of that name. */
  child(name: string): XmlElement | undefined {
    return this.children.find((child) => child.name === name);
  }

  /** The text of the first child of that name. */
  childText(name: string): string | undefined {
    return this.child(name)?.text;
  }

  /** All children of that name. */
  all(name: string): XmlElement[] {
    return this.children.filter((child) => child.name === name);
  }
}

// Either markup (comment, CDATA, processing instruction, tag) or a run of text.
const TOKEN =
  /<!--[^]*?-->|<!\[CDATA\[([^]*?)\]\]>|<\?[^]*?\?>|<(\/?)([^\s<>\/]+)([^<>]*?)(\/?)>|[^<]+/y;
const DEPTH_MAX = 16;

/** Parses a document and checks the name of its root; whatever is wrong is `MalformedXML`. */
export function parseXml(bytes: Uint8Array, root: string): XmlElement {
  const document = new XmlElement("");
  const open = [document];
  const source = decodeText(bytes);
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < source.length) {
    const match = TOKEN.exec(source);
    if (match === null) throw malformed();
    const [token, cdata, closing, rawName, , selfClosing] = match;
    const top = open[open.length - 1]!;
    if (cdata !== undefined) {
      top.text += cdata;
    } else if (rawName !== undefined) {
      const name = rawName.slice(rawName.indexOf(":") + 1);
      if (closing === "/") {
        if (open.length === 1 || top.name !== name) throw malformed();
        open.pop();
        continue;
      }
      if (open.length > DEPTH_MAX) throw malformed();
      const element = new XmlElement(name);
      top.children.push(element);
      if (selfClosing !== "/") open.push(element);
    } else if (token[0] !== "<") {
      top.text += unescapeXml(token);
    }
  }
  const found = document.children[0];
  const single = document.children.length === 1 && document.text.trim() === "";
  if (found === undefined || !single || open.length !== 1 || found.name !== root) throw malformed();
  return found;
}

function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw malformed();
  }
}

const ENTITIES: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
};

function unescapeXml(value: string): string {
  return value.replace(/&([^;&]*)(;?)/g, (_, name: string, end: string) => {
    const numeric = /^#(?:x([0-9a-fA-F]{1,6})|([0-9]{1,7}))$/.exec(name);
    const code = numeric === null ? NaN : parseInt(numeric[1] ?? numeric[2]!, numeric[1] ? 16 : 10);
    const named = Object.hasOwn(ENTITIES, name) ? ENTITIES[name] : undefined;
    const decoded = code <= 0x10ffff ? String.fromCodePoint(code) : named;
    if (decoded === undefined || end === "") throw malformed();
    return decoded;
  });
}

function malformed(): S3Error {
  return new S3Error(
    "MalformedXML",
    "The XML you provided was not well-formed or did not validate against our published schema",
  );
}
