import assert from "node:assert/strict";
import { logger } from "../base/log.ts";
import { logPath, startLogging, stopLogging } from "./logging.ts";

async function logged(work: () => void): Promise<{ text: string; lines: { message: string }[] }> {
  const stateDir = await Deno.makeTempDir();
  await Deno.mkdir(`${stateDir}/logs`);
  let text = "";
  await startLogging(stateDir, "info", (line) => text += line);
  work();
  await stopLogging();
  const file = await Deno.readTextFile(logPath(stateDir));
  await Deno.remove(stateDir, { recursive: true });
  return { text, lines: file.trim().split("\n").map((line) => JSON.parse(line)) };
}

Deno.test("Logging writes JSON lines to the file and text for a person", async () => {
  const { text, lines } = await logged(() => {
    logger("fuse", "photos").warn("Cannot read {key}", { key: "a.txt" });
    logger("fuse").debug("not wanted at this level");
  });
  assert.match(text, /WRN.*cloudmount\.fuse\.photos: Cannot read/);
  assert.equal(lines.length, 1);
  assert.match(lines[0]!.message, /Cannot read "?a\.txt/);
});

Deno.test("Logging tells an error's message in the file, in the words of the line", async () => {
  const { lines } = await logged(() => {
    const error = new Error("no such bucket");
    logger("daemon").error("Cannot mount {name}: {error}", { name: "photos", error });
  });
  assert.equal(lines[0]!.message, "Cannot mount photos: no such bucket");
});

Deno.test("Logging hides secrets, also inside errors", async () => {
  const { text, lines } = await logged(() => {
    const error = new Error("GET /?X-Amz-Signature=abcdef failed");
    logger("s3").error("Request failed: {error}", { error });
  });
  assert.ok(!text.includes("abcdef") && !JSON.stringify(lines).includes("abcdef"));
});

Deno.test("Logging thins out a line that repeats and says how many were left out", async () => {
  const { lines } = await logged(() => {
    for (let count = 0; count < 100; count++) logger("s3").warn("Again {count}", { count });
    logger("s3").warn("Something else");
  });
  assert.ok(lines.length < 30, String(lines.length));
  assert.ok(lines.some(({ message }) => /80 more lines like this one/.test(message)));
  assert.ok(lines.some(({ message }) => message === "Something else"));
});
