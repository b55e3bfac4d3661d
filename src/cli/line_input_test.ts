import assert from "node:assert/strict";
import { LineInput, type LineSource } from "./line_input.ts";

const calm = new AbortController().signal;

/** Each text is one read. */
function input(isTerminal: boolean, ...texts: readonly string[]) {
  const left = [...texts];
  const raw: boolean[] = [];
  const said: string[] = [];
  const source: LineSource = {
    isTerminal,
    read: () => {
      const text = left.shift();
      return Promise.resolve(text === undefined ? null : new TextEncoder().encode(text));
    },
    setRaw: (on) => void raw.push(on),
  };
  return { lines: new LineInput(source, (text) => void said.push(text)), raw, said };
}

Deno.test("A pipe brings lines, and nobody is asked", async () => {
  const { lines, raw, said } = input(false, "one\ntw", "o\r\n\nthree");
  const next = () => lines.line("Name: ", { isHidden: true }, calm);
  assert.deepEqual([await next(), await next(), await next()], ["one", "two", ""]);
  assert.deepEqual([await next(), await next()], ["three", undefined]);
  assert.deepEqual([raw, said], [[], []]);
});

Deno.test("A person is asked, and sees what is not hidden", async () => {
  const { lines, raw, said } = input(true, "axb", "\x7f\x7fb\r", "secret\n");
  assert.equal(await lines.line("Name: ", { isHidden: false }, calm), "ab");
  assert.equal(said.join(""), "Name: axb\b \b\b \bb\n");
  said.length = 0;
  assert.equal(await lines.line("Secret: ", { isHidden: true }, calm), "secret");
  assert.equal(said.join(""), "Secret: \n");
  assert.deepEqual(raw, [true, false, true, false]);
});

Deno.test("Lines that are pasted together answer one question each", async () => {
  const { lines } = input(true, "id\rsec", "ret\rx\x15\x04");
  const next = () => lines.line("", { isHidden: true }, calm);
  assert.deepEqual([await next(), await next(), await next()], ["id", "secret", undefined]);
});

Deno.test("The terminal is as before after an interruption", async () => {
  const raw: boolean[] = [];
  const source = {
    isTerminal: true,
    read: () => new Promise<null>(() => {}),
    setRaw: (on: boolean) => void raw.push(on),
  };
  const abort = new AbortController();
  const asked = new LineInput(source, () => {}).line("?", { isHidden: true }, abort.signal);
  abort.abort(new Error("Interrupted"));
  await assert.rejects(asked, /Interrupted/);
  assert.deepEqual(raw, [true, false]);
});
