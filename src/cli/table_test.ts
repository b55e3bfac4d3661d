import assert from "node:assert/strict";
import { PLAIN, STYLED } from "./style.ts";
import { formatTable } from "./table.ts";

const COLUMNS = [{ title: "NAME" }, { title: "SIZE", align: "right" }, { title: "STATE" }] as const;

Deno.test("Columns are as wide as their widest cell, numbers to the right", () => {
  const text = formatTable(COLUMNS, [["photos", "5 B", "mounted"], ["ä", "10 GiB", ""]], PLAIN);
  assert.equal(
    text,
    ["NAME      SIZE  STATE", "photos     5 B  mounted", "ä       10 GiB"].join("\n"),
  );
});

Deno.test("A table without rows is its head", () => {
  assert.equal(formatTable(COLUMNS, [], PLAIN), "NAME  SIZE  STATE");
});

Deno.test("Colours do not count as width, and cells cannot bring their own", () => {
  const red = (cell: string, column: number) => column === 0 ? STYLED.red(cell) : cell;
  const text = formatTable(COLUMNS, [["a\x1b[0m\nb", "1", "x"]], PLAIN, red);
  assert.equal(text.split("\n")[1], "\x1b[31ma\\u{1b}[0m b\x1b[39m     1  x");
});
