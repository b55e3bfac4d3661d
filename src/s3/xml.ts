/** The little XML this room reads itself: error documents, and whether an answer is whole. */

/** The flat fields of `<Error>`, or undefined when `text` is no S3 error document. */
export function parseErrorXml(text: string): ReadonlyMap<string, string> | undefined {
  const body = /<Error(?:\s[^>]*)?>([\s\S]*)<\/Error>\s*$/.exec(text)?.[1];
  if (body === undefined) return undefined;
  const fields = new Map<string, string>();
  for (const [, name, value] of body.matchAll(/<(\w+)>([^<]*)<\/\1>/g)) {
    if (!fields.has(name!)) fields.set(name!, decodeEntities(value!));
  }
  return fields.has("Code") ? fields : undefined;
}

/** The name of the document's root element when the document is whole: it begins and ends with it. */
export function wholeXmlRoot(text: string): string | undefined {
  const document = text.trim().replace(/^\uFEFF/, "").replace(/^<\?xml[^>]*\?>\s*/, "");
  const root = /^<([A-Za-z]\w*)(?:\s[^>]*)?(\/?)>/.exec(document);
  if (root === null) return undefined;
  const isWhole = root[2] === "/" || document.endsWith(`</${root[1]}>`);
  return isWhole ? root[1] : undefined;
}

/** The predefined ones, and how servers write the quotes of an ETag. */
const ENTITIES: ReadonlyMap<string, string> = new Map([
  ["lt", "<"],
  ["gt", ">"],
  ["amp", "&"],
  ["quot", '"'],
  ["apos", "'"],
  ["#34", '"'],
]);

/** Replaces the predefined entities and character references; what is neither stays as it is. */
export function decodeEntities(text: string): string {
  let decoded = "";
  let from = 0;
  for (let at = text.indexOf("&"); at >= 0; at = text.indexOf("&", at + 1)) {
    const end = text.indexOf(";", at);
    if (end < 0) break;
    const name = text.slice(at + 1, end);
    const character = ENTITIES.get(name) ?? characterOf(name);
    if (character === undefined) continue;
    decoded += text.slice(from, at) + character;
    from = end + 1;
  }
  return from === 0 ? text : decoded + text.slice(from);
}

/** What "#65" or "#x41" stands for. */
function characterOf(name: string): string | undefined {
  const digits = /^#(?:(\d{1,8})|[xX]([0-9a-fA-F]{1,8}))$/.exec(name);
  if (digits === null) return undefined;
  const code = digits[1] === undefined ? parseInt(digits[2]!, 16) : Number(digits[1]);
  return code <= 0x10ffff ? String.fromCodePoint(code) : undefined;
}
