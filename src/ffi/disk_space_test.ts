import assert from "node:assert/strict";
import { diskSpace } from "./disk_space.ts";
import { SystemError } from "./system_error.ts";

Deno.test({
  name: "diskSpace tells what df tells",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const { stdout } = await new Deno.Command("df", {
      args: ["--block-size=1", "--output=size,avail", "/tmp"],
    }).output();
    const [total, available] = new TextDecoder().decode(stdout).trim().split("\n")[1]!.trim()
      .split(/\s+/).map(Number);
    const { totalBytes, freeBytes } = diskSpace("/tmp");
    assert.equal(totalBytes, total);
    // Others write there meanwhile.
    assert.ok(Math.abs(freeBytes - available!) < 0.2 * available!, `${freeBytes} of ${available}`);
  },
});

Deno.test({
  name: "diskSpace fails for a path that is not there",
  ignore: Deno.build.os !== "linux",
  fn: () => {
    assert.throws(() => diskSpace("/no/such/place"), SystemError);
  },
});
