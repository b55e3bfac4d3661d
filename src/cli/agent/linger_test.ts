import assert from "node:assert/strict";
import { FakeTool } from "../../../tests/support/fake_tool.ts";
import { isLingering } from "./linger.ts";

const calm = new AbortController().signal;

Deno.test("Lingering is what logind says, or not known", async () => {
  await using loginctl = await FakeTool.create("loginctl", 'cat "$dir/linger"');
  for (const [said, known] of [["yes\n", true], ["no\n", false], ["", undefined]] as const) {
    await loginctl.put("linger", said);
    assert.equal(await isLingering(1000, calm), known);
  }
  await loginctl.answer("show-user", "1 User ID 1000 is not logged in or lingering");
  assert.equal(await isLingering(1000, calm), undefined);
  assert.deepEqual((await loginctl.calls())[0], "show-user 1000 --property=Linger --value");
});
