import assert from "node:assert/strict";
import type { LogRecord } from "@logtape/logtape";
import { eventOf, openErrorReports } from "./error_reports.ts";

const SECRET = "/home/zoe/letters/to-bob.txt";

function record(more: Partial<LogRecord> = {}): LogRecord {
  const cause = new RangeError(`bad ${SECRET}`);
  return {
    category: ["cloudmount", "vfs", "zoes-photos"],
    level: "error",
    message: ["Cannot write ", SECRET, ": ", new Error(SECRET)],
    rawMessage: "Cannot write {path}: {error}",
    timestamp: 0,
    properties: { path: SECRET, error: new TypeError(`Cannot write ${SECRET}`, { cause }) },
    ...more,
  };
}

Deno.test("A report tells what went wrong and where in the program, and nothing of the user's", () => {
  const event = eventOf(record());
  assert.equal(event.message, "Cannot write {path}: {error}");
  assert.equal(event.logger, "vfs");
  assert.deepEqual(event.exception?.values.map(({ type, value }) => [type, value]), [
    ["RangeError", ""],
    ["TypeError", ""],
  ]);
  const frame = event.exception!.values[1]!.stacktrace.frames.at(-1)!;
  assert.equal(frame.filename, "daemon/error_reports_test.ts");
  assert.ok(frame.lineno > 0);
  const text = JSON.stringify(event);
  for (const word of ["zoe", "bob", "letters", "photos"]) assert.ok(!text.includes(word), text);
});

Deno.test("Errors are sent to the project of the DSN, other lines are not", async () => {
  const bodies: string[] = [];
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (got) => {
    bodies.push(`${new URL(got.url).pathname} ${await got.text()}`);
    return new Response("{}");
  });
  const reports = await openErrorReports(`http://key@127.0.0.1:${server.addr.port}/42`, "1.2.3");
  reports.sink(record({ level: "warning" }));
  reports.sink(record());
  await reports.close();
  await server.shutdown();
  assert.equal(bodies.length, 1);
  assert.match(bodies[0]!, /^\/api\/42\/envelope\/ .*"release":"cloudmount@1\.2\.3"/s);
  assert.ok(!bodies[0]!.includes("zoe") && !bodies[0]!.includes(Deno.hostname()));
});
