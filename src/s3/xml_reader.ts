/**
 * Reads an XML document from its beginning to its end without making a tree of it: listings have
 * thousands of elements, of which most are looked at once. No DTD; attributes and namespaces are
 * passed over. A document whose tags do not match is a SyntaxError.
 */
import { decodeEntities } from "./xml.ts";

/** A document of S3 is far flatter. */
const DEPTH_MAX = 64;

export class XmlReader {
  readonly #document: string;
  #at = 0;
  /** Names of the elements that were entered and not yet left. */
  readonly #open: string[] = [];
  #isEmpty = false;

  /** Stands before the root element. */
  constructor(document: string) {
    this.#document = document;
  }

  /** The name of the element entered last, until it is left. */
  get name(): string {
    return this.#open.at(-1) ?? "";
  }

  /** Enters the next child of the present element; at its end leaves the element and is false. */
  enter(): boolean {
    if (this.#isEmpty) return this.#leaveEmpty();
    for (;;) {
      const at = this.#find("<", this.#at);
      const next = this.#document.charCodeAt(at + 1);
      if (next === SLASH) {
        this.#leave(at);
        return false;
      }
      if (next === QUESTION) this.#at = this.#find("?>", at) + 2;
      else if (next === EXCLAMATION) this.#at = this.#endOfMarkup(at);
      else return this.#enter(at);
    }
  }

  /** The present element's text, character data as it stands; leaves the element. Children are passed over. */
  text(): string {
    if (this.#isEmpty) {
      this.#leaveEmpty();
      return "";
    }
    const document = this.#document;
    const begin = this.#at;
    const end = this.#find("<", begin);
    if (document.charCodeAt(end + 1) === SLASH) {
      this.#leave(end);
      return decodeEntities(document.slice(begin, end));
    }
    return this.#mixedText();
  }

  /** Passes over the rest of the present element and leaves it. */
  skip(): void {
    while (this.enter()) this.skip();
  }

  #mixedText(): string {
    let text = "";
    for (;;) {
      const at = this.#find("<", this.#at);
      text += decodeEntities(this.#document.slice(this.#at, at));
      this.#at = at;
      if (this.#document.startsWith(CDATA, at)) {
        const end = this.#find("]]>", at);
        text += this.#document.slice(at + CDATA.length, end);
        this.#at = end + 3;
      } else if (this.#document.charCodeAt(at + 1) === EXCLAMATION) {
        this.#at = this.#endOfMarkup(at);
      } else if (this.enter()) {
        this.skip();
      } else {
        return text;
      }
    }
  }

  #enter(at: number): true {
    const document = this.#document;
    const end = this.#endOfTag(at);
    this.#isEmpty = document.charCodeAt(end - 1) === SLASH;
    let nameEnd = at + 1;
    const last = this.#isEmpty ? end - 1 : end;
    while (nameEnd < last && document.charCodeAt(nameEnd) > SPACE) nameEnd++;
    if (this.#open.length === DEPTH_MAX) throw new SyntaxError("the XML nests too deep");
    this.#open.push(document.slice(at + 1, nameEnd));
    this.#at = end + 1;
    return true;
  }

  /** The ">" of a tag: values of attributes may have others. */
  #endOfTag(at: number): number {
    const end = this.#find(">", at);
    if (!this.#document.slice(at, end).includes("=")) return end;
    TAG.lastIndex = at;
    if (!TAG.test(this.#document)) throw new SyntaxError("the XML ends within a tag");
    return TAG.lastIndex - 1;
  }

  #leave(at: number): void {
    const name = this.#open.pop();
    const end = this.#find(">", at);
    const isThat = name !== undefined && this.#document.startsWith(name, at + 2) &&
      this.#document.slice(at + 2 + name.length, end).trim() === "";
    if (!isThat) throw new SyntaxError(`the XML has no end of "${name ?? ""}"`);
    this.#at = end + 1;
  }

  #leaveEmpty(): false {
    this.#isEmpty = false;
    this.#open.pop();
    return false;
  }

  /** Behind a comment, CDATA section or declaration. */
  #endOfMarkup(at: number): number {
    if (this.#document.startsWith("<!--", at)) return this.#find("-->", at + 4) + 3;
    if (this.#document.startsWith(CDATA, at)) return this.#find("]]>", at) + 3;
    throw new SyntaxError("the XML has a declaration");
  }

  #find(text: string, from: number): number {
    const at = this.#document.indexOf(text, from);
    if (at < 0) throw new SyntaxError("the XML ends early");
    return at;
  }
}

const TAG = /<(?:[^"'>]|"[^"]*"|'[^']*')*>/y;
const CDATA = "<![CDATA[";
const SPACE = 0x20;
const EXCLAMATION = 0x21;
const SLASH = 0x2f;
const QUESTION = 0x3f;
