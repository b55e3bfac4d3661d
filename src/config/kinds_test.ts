import assert from "node:assert/strict";
import {
  absolutePath,
  duration,
  flag,
  integer,
  type Kind,
  oneOf,
  pattern,
  permissions,
  quoted,
  rate,
  size,
  text,
  writtenDuration,
  writtenMode,
  writtenRate,
  writtenSize,
} from "./kinds.ts";

function valueOf<T>(kind: Kind<T>, value: unknown): T | undefined {
  const checked = kind(value, "/home/ann");
  return checked.ok ? checked.value : undefined;
}

function problemOf<T>(kind: Kind<T>, value: unknown): string {
  const checked = kind(value, "/home/ann");
  assert.ok(!checked.ok, "accepted");
  return checked.problems.map(({ message, hint }) => `${message}; ${hint}`).join("\n");
}

Deno.test("Sizes, durations, modes and numbers become the program's own", () => {
  assert.equal(valueOf(size(0, 2 ** 40), "1.5GiB"), 1.5 * 2 ** 30);
  assert.equal(valueOf(duration(1e9, ""), "90s"), 90_000);
  assert.equal(valueOf(duration(1e9, ""), "0s"), 0);
  assert.equal(valueOf(permissions, "0640"), 0o640);
  assert.equal(valueOf(permissions, "755"), 0o755);
  assert.equal(valueOf(integer(2, 4), 4), 4);
  assert.equal(valueOf(flag, false), false);
  assert.equal(valueOf(oneOf("a", "b"), "b"), "b");
  assert.equal(valueOf(pattern(/^x+$/, "x"), "xx"), "xx");
});

Deno.test("A rate is a size per second, and is written as one", () => {
  const anyRate = rate(1, 2 ** 40);
  assert.equal(valueOf(anyRate, "10MiB/s"), 10 * 2 ** 20);
  assert.equal(valueOf(anyRate, " 1.5 MB/s "), 1_500_000);
  for (const value of ["10MiB", "10/s", "10MiB/m", "/s", "0B/s", 10]) {
    assert.equal(valueOf(anyRate, value), undefined, String(value));
  }
  assert.equal(writtenRate(10 * 2 ** 20), "10MiB/s");
});

Deno.test("Bounds belong to the range", () => {
  assert.equal(valueOf(size(1024, 2048), "1KiB"), 1024);
  assert.equal(valueOf(size(1024, 2048), "2KiB"), 2048);
  assert.equal(valueOf(size(1024, 2048), "1023B"), undefined);
  assert.equal(valueOf(integer(2, 4), 1), undefined);
  assert.equal(valueOf(integer(2, 4), 5), undefined);
});

Deno.test("Only numbers are numbers: no true, no text, no infinity", () => {
  for (const value of [true, "3", NaN, Infinity, 3.5, 3n, [3]]) {
    assert.equal(valueOf(integer(0, 10), value), undefined);
  }
});

Deno.test("A mode has three octal digits and may have a zero before them", () => {
  for (const value of ["64", "00644", "01777", "0o644", "rw-r--r--", " 644", 644]) {
    assert.equal(valueOf(permissions, value), undefined, String(value));
  }
});

Deno.test("Paths become absolute and normal", () => {
  assert.equal(valueOf(absolutePath, "~/a/../b/"), "/home/ann/b");
  assert.equal(valueOf(absolutePath, "/a b/ä"), "/a b/ä");
  assert.equal(valueOf(absolutePath, "a"), undefined);
});

Deno.test("A word that is not one of those known is refused with the nearest", () => {
  const kind = oneOf("journal", "remote");
  assert.equal(valueOf(kind, "remote"), "remote");
  assert.match(problemOf(kind, "remot"), /did you mean "remote"/);
  assert.match(problemOf(kind, "toString"), /is not one of/);
});

Deno.test("Text is refused with control characters, or when it is empty", () => {
  assert.equal(valueOf(text(), "ä 🪣"), "ä 🪣");
  for (const value of ["", "a\nb", "a\u0000", "\u009b31m"]) {
    assert.equal(valueOf(text(), value), undefined);
  }
  assert.equal(valueOf(text({ mayBeEmpty: true }), ""), "");
});

Deno.test("A long or wild value is repeated short and tame", () => {
  assert.equal(quoted("x".repeat(1000)).length, 65);
  assert.equal(quoted("a\u001b\u009b"), '"a\\u001b?"');
});

Deno.test("Values are written in the largest exact unit", () => {
  assert.equal(writtenSize(512 * 2 ** 20), "512MiB");
  assert.equal(writtenSize(2 ** 40), "1TiB");
  assert.equal(writtenSize(1_000_000), "1000000B");
  assert.equal(writtenSize(0), "0B");
  assert.equal(writtenDuration(60_000), "60s");
  assert.equal(writtenDuration(1500), "1500ms");
  assert.equal(writtenMode(0o644), "0644");
  assert.equal(writtenMode(0o7), "0007");
});
