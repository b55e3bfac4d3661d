/**
 * Where each key of a TOML text stands. The TOML library gives values without places, so this walks
 * the text once more. It reads only texts that the library accepted, so it checks nothing: it
 * follows headers, keys and the borders of values (toml.io/en/v1.0.0).
 */

/** A way into the document, for example `["mount", 0, "region"]`. */
export type TomlPath = readonly (string | number)[];

/** Counts from 1; columns in characters (code points). */
export interface TextPosition {
  readonly line: number;
  readonly column: number;
}

/** A header, or a key with its value, on lines of its own. Offsets count UTF-16 units. */
export interface TomlStatement {
  readonly kind: "table" | "element" | "value";
  /** What it begins or sets; an element of an array of tables with its index. */
  readonly path: TomlPath;
  readonly start: number;
  /** Where a value begins; with headers the same as `start`. */
  readonly valueStart: number;
  /** Behind the header or value. */
  readonly end: number;
}

/** The statements of a text that is valid TOML, in its order. */
export function tomlStatements(text: string): readonly TomlStatement[] {
  const walk = new Walk(text);
  walk.run();
  return walk.statements;
}

/** Finds places by path. */
export class TomlPositions {
  readonly #text: string;
  readonly #offsets: ReadonlyMap<string, number>;

  constructor(text: string) {
    this.#text = text;
    this.#offsets = new Walk(text).run();
  }

  /** The place of the key at `path`, or else of the nearest table around it; 1:1 at last. */
  find(path: TomlPath): TextPosition {
    for (let length = path.length; length > 0; length--) {
      const offset = this.#offsets.get(pathId(path.slice(0, length)));
      if (offset !== undefined) return positionAt(this.#text, offset);
    }
    return { line: 1, column: 1 };
  }
}

/** Line and column of an offset in UTF-16 units. */
export function positionAt(text: string, offset: number): TextPosition {
  const before = text.slice(0, offset);
  const lineStart = before.lastIndexOf("\n") + 1;
  return {
    line: before.split("\n").length,
    column: [...before.slice(lineStart)].length + 1,
  };
}

const pathId = (path: TomlPath): string => JSON.stringify(path);

class Walk {
  readonly statements: TomlStatement[] = [];
  readonly #text: string;
  #at = 0;
  readonly #offsets = new Map<string, number>();
  /** How many elements each array of tables has so far, by path. */
  readonly #counts = new Map<string, number>();

  constructor(text: string) {
    this.#text = text;
  }

  run(): ReadonlyMap<string, number> {
    let table: TomlPath = [];
    for (this.#skipBlank(); this.#at < this.#text.length; this.#skipBlank()) {
      if (this.#text[this.#at] === "[") table = this.#header();
      else this.statements.push(this.#keyValue(table));
    }
    return this.#offsets;
  }

  /** `[a.b]` or `[[a.b]]`: the path that the keys after it belong to. */
  #header(): TomlPath {
    const start = this.#at;
    const isArray = this.#text[this.#at + 1] === "[";
    this.#at += isArray ? 2 : 1;
    let path: TomlPath = [];
    const keys = this.#dottedKey();
    keys.forEach(({ name }, index) => {
      path = [...path, name];
      const count = this.#counts.get(pathId(path)) ?? 0;
      if (isArray && index === keys.length - 1) {
        this.#note(path, start);
        this.#counts.set(pathId(path), count + 1);
        path = [...path, count];
      } else if (count > 0) {
        path = [...path, count - 1];
      }
    });
    this.#note(path, start);
    this.#at += isArray ? 2 : 1;
    const kind = isArray ? "element" : "table";
    this.statements.push({ kind, path, start, valueStart: start, end: this.#at });
    return path;
  }

  #keyValue(table: TomlPath): TomlStatement {
    const start = this.#at;
    let path = table;
    for (const { name, offset } of this.#dottedKey()) {
      path = [...path, name];
      this.#note(path, offset);
    }
    this.#skipTo("=");
    this.#skipBlank();
    const valueStart = this.#at;
    this.#value(path);
    const end = valueStart + this.#text.slice(valueStart, this.#at).trimEnd().length;
    return { kind: "value", path, start, valueStart, end };
  }

  #value(path: TomlPath): void {
    const first = this.#text[this.#at];
    if (first === '"' || first === "'") this.#string();
    else if (first === "[") this.#array(path);
    else if (first === "{") this.#inlineTable(path);
    else this.#scalar();
  }

  #array(path: TomlPath): void {
    this.#at++;
    for (let index = 0; this.#more("]"); index++) {
      const element = [...path, index];
      this.#note(element, this.#at);
      this.#value(element);
    }
  }

  #inlineTable(path: TomlPath): void {
    this.#at++;
    while (this.#more("}")) this.#keyValue(path);
  }

  /** Passes blanks and a comma; false after passing `close` (or at the end of a broken text). */
  #more(close: string): boolean {
    this.#skipBlank();
    if (this.#text[this.#at] === ",") {
      this.#at++;
      this.#skipBlank();
    }
    if (this.#at < this.#text.length && this.#text[this.#at] !== close) return true;
    this.#at++;
    return false;
  }

  /** `a."b c".d`, with the offset of each part. */
  #dottedKey(): { name: string; offset: number }[] {
    const keys: { name: string; offset: number }[] = [];
    do {
      if (keys.length > 0) this.#at++;
      this.#skipSpace();
      const offset = this.#at;
      keys.push({ name: this.#key(), offset });
      this.#skipSpace();
    } while (this.#text[this.#at] === ".");
    return keys;
  }

  #key(): string {
    const first = this.#text[this.#at];
    if (first === '"' || first === "'") {
      const start = this.#at;
      this.#string();
      const raw = this.#text.slice(start + 1, this.#at - 1);
      return first === "'" ? raw : unescape(raw);
    }
    const bare = /[^\s.=\]]*/y;
    bare.lastIndex = this.#at;
    const name = bare.exec(this.#text)?.[0] ?? "";
    this.#at += name.length;
    return name;
  }

  /** Passes a string of any of the four kinds. */
  #string(): void {
    const quote = this.#text[this.#at]!;
    const isBasic = quote === '"';
    const fence = quote.repeat(3);
    const isLong = this.#text.startsWith(fence, this.#at);
    this.#at += isLong ? 3 : 1;
    const end = isLong ? fence : quote;
    while (this.#at < this.#text.length && !this.#text.startsWith(end, this.#at)) {
      this.#at += isBasic && this.#text[this.#at] === "\\" ? 2 : 1;
    }
    this.#at += end.length;
    // A long string may end with up to two quotes of its own.
    for (let extra = 0; isLong && extra < 2 && this.#text[this.#at] === quote; extra++) this.#at++;
  }

  #scalar(): void {
    const scalar = /[^,\]}#\n]*/y;
    scalar.lastIndex = this.#at;
    this.#at += Math.max(1, scalar.exec(this.#text)?.[0].length ?? 1);
  }

  #skipTo(character: string): void {
    const found = this.#text.indexOf(character, this.#at);
    this.#at = found < 0 ? this.#text.length : found + 1;
  }

  #skipSpace(): void {
    while (this.#text[this.#at] === " " || this.#text[this.#at] === "\t") this.#at++;
  }

  /** Passes spaces, line ends and comments. */
  #skipBlank(): void {
    const blank = /(?:[\s\ufeff]|#[^\n]*)*/y;
    blank.lastIndex = this.#at;
    this.#at += blank.exec(this.#text)?.[0].length ?? 0;
  }

  #note(path: TomlPath, offset: number): void {
    const id = pathId(path);
    if (!this.#offsets.has(id)) this.#offsets.set(id, offset);
  }
}

/** A basic string's escapes; TOML's are JSON's, `\e`, `\xHH` and `\UHHHHHHHH`. */
function unescape(raw: string): string {
  const json = raw
    .replace(/\\U([0-9A-Fa-f]{8})/g, (_, hex: string) => String.fromCodePoint(parseInt(hex, 16)))
    .replace(/\\x([0-9A-Fa-f]{2})/g, "\\u00$1")
    .replace(/\\e/g, "\\u001b");
  try {
    return String(JSON.parse(`"${json}"`));
  } catch {
    return raw;
  }
}
