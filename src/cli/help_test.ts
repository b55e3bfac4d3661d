import assert from "node:assert/strict";
import type { CommandRow } from "./command.ts";
import { programHelp } from "./help.ts";
import { PLAIN } from "./style.ts";

Deno.test("The help of the program lists commands in the order of the table, one a line", () => {
  const row = (name: string, summary: string): CommandRow => ({
    name,
    summary,
    load: () => assert.fail("a command was loaded"),
  });
  const text = programHelp([row("stop", "end it"), row("a-long-one", "go on")], PLAIN);
  assert.ok(text.includes("\n  stop        end it\n  a-long-one  go on\n"), text);
  for (const line of text.split("\n")) assert.ok(line.length <= 80, line);
});
