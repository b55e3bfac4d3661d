/** The part of the suite on objects larger than memory. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { SuiteTest } from "./object_store_suite.ts";
import type { StreamReport } from "./stream_1gib.ts";

const MIB = 2 ** 20;
const GIB = 1024 * MIB;
const GROWTH_MAX = 64 * MIB;

export function testStreaming(test: SuiteTest): void {
  test("streams 1 GiB in and out within 64 MiB of memory", async ({ address }) => {
    assert.ok(address !== undefined, "a store without a server skips this test");
    const script = fileURLToPath(new URL("./stream_1gib.ts", import.meta.url));
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "--quiet", script, JSON.stringify(address)],
      stdout: "piped",
      stderr: "piped",
    }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
    const report: StreamReport = JSON.parse(new TextDecoder().decode(stdout));
    const rate = (ms: number) => `${Math.round(GIB / 1e3 / ms)} MB/s`;
    const growth = Math.round(report.growthBytes / MIB);
    // deno-lint-ignore no-console -- a test says what it skips or measured
    console.log(
      `1 GiB written at ${rate(report.writeMs)}, read at ${rate(report.readMs)}, ` +
        `memory grew by ${growth} MiB`,
    );
    assert.ok(report.growthBytes <= GROWTH_MAX, `memory grew by ${growth} MiB`);
  });
}
