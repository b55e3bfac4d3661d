// deno-lint-ignore no-control-regex -- the point of this file
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g;

/**
 * Text that cannot command the terminal: control characters (but tab and newline) and the ones that
 * reverse the reading direction become "\u{1b}". Keys and server messages are strangers' text.
 */
export function printable(text: string): string {
  return text.replace(CONTROL, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);
}
