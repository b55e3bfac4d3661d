/** Writing XML as S3 does. Content is a string that is XML already; `text` escapes plain text into it. */

export const S3_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/";

/** An element around content that is XML already. */
export function element(name: string, ...content: string[]): string {
  return `<${name}>${content.join("")}</${name}>`;
}

/** An element around plain text; nothing at all when the value is undefined. */
export function text(name: string, value: string | number | boolean | undefined): string {
  return value === undefined ? "" : `<${name}>${escapeXml(String(value))}</${name}>`;
}

/** A whole document whose root is in the S3 namespace. */
export function xmlDocument(root: string, ...content: string[]): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${root} xmlns="${S3_NAMESPACE}">${
    content.join("")
  }</${root}>`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
};

/**
 * Control characters become character references, as on AWS: most parsers refuse them (XML 1.0 has
 * no way to write them), and `encoding-type=url` is the way around.
 */
export function escapeXml(value: string): string {
  return value.replace(
    // deno-lint-ignore no-control-regex
    /[&<>"\u0000-\u001f\ufffe\uffff]/g,
    (character) => ENTITIES[character] ?? `&#x${character.charCodeAt(0).toString(16)};`,
  );
}
