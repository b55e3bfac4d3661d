import assert from "node:assert/strict";
import { logger } from "../base/log.ts";
import { DaemonLog } from "./daemon_log.ts";
import { logPath } from "./logging.ts";

Deno.test("The log goes on at another level, and errors go to where the config says then", async () => {
  const stateDir = await Deno.makeTempDir();
  await Deno.mkdir(`${stateDir}/logs`);
  const reported: string[] = [];
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (got) => {
    reported.push(await got.text());
    return new Response("{}");
  });
  const sentryDsn = `http://key@127.0.0.1:${server.addr.port}/1`;
  const log = new DaemonLog({ stateDir, version: "1", writeText: undefined });
  const debug = (text: string) => logger("vfs").debug(text);
  const fail = (text: string) => logger("vfs").error(text);
  await log.goBy({ logLevel: "info" });
  debug("debug 1");
  fail("error 1");
  await log.goBy({ logLevel: "debug", sentryDsn });
  debug("debug 2");
  fail("error 2");
  await log.goBy({ logLevel: "debug" });
  fail("error 3");
  await log.close();
  const text = await Deno.readTextFile(logPath(stateDir));
  const words = text.trim().split("\n").map((line) =>
    (JSON.parse(line) as { message: string }).message
  );
  assert.deepEqual(words, ["error 1", "debug 2", "error 2", "error 3"]);
  assert.equal(reported.length, 1);
  assert.match(reported[0]!, /"message":"error 2"/);
  await server.shutdown();
  await Deno.remove(stateDir, { recursive: true });
});
