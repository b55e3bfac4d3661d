import assert from "node:assert/strict";
import { constants } from "node:os";
import { errnoName, errnoNumber } from "./errno.ts";

Deno.test("errnoNumber has the numbers of the running system", () => {
  for (const [name, number] of Object.entries(constants.errno)) {
    const ours = errnoNumber(name as "EIO");
    if (ours !== undefined && name !== "ENODATA" && name !== "ENOTSUP") {
      assert.equal(ours, number, name);
    }
  }
});

Deno.test("errnoName turns numbers back into names", () => {
  assert.equal(errnoName(2, "linux"), "ENOENT");
  assert.equal(errnoName(61, "linux"), "ENODATA");
  assert.equal(errnoName(93, "darwin"), "ENODATA");
  assert.equal(errnoName(9999, "linux"), "errno 9999");
});
