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

const ENTITIES: Readonly<Record<string, string>> = {
  lt: "<",
  gt: ">",
  amp: "&",
  quot: '"',
  apos: "'",
};

function decodeEntities(text: string): string {
  return text.replace(/&(#x?[0-9a-f]+|\w+);/gi, (whole: string, name: string) => {
    if (!name.startsWith("#")) return ENTITIES[name] ?? whole;
    const code = /^#x/i.test(name) ? parseInt(name.slice(2), 16) : Number(name.slice(1));
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}
