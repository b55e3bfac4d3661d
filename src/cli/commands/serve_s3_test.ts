import assert from "node:assert/strict";

const MAIN = new URL("../../../main.ts", import.meta.url);

function start(...args: string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "-A", MAIN.href, "serve-s3", ...args],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Reads until the text ends a JSON document; leaves the stream open. */
async function readJson(stream: ReadableStream<Uint8Array>): Promise<unknown> {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.endsWith("}\n")) {
    const { value, done } = await reader.read();
    if (done) assert.fail(`ended after: ${text}`);
    text += value;
  }
  await reader.cancel();
  return JSON.parse(text);
}

Deno.test("serve-s3 answers at the URL it prints, to its own keys, until Ctrl-C", async () => {
  const directory = await Deno.makeTempDir();
  const child = start(directory, "--json");
  try {
    const shown = await readJson(child.stdout);
    const { url, access_key_id, secret_access_key } = shown as Record<string, string>;
    assert.match(url!, /^http:\/\/127\.0\.0\.1:\d+$/);
    assert.ok(access_key_id!.length >= 16 && secret_access_key!.length >= 40);
    const response = await fetch(url!);
    assert.equal(response.status, 403);
    assert.match(await response.text(), /<Code>AccessDenied<\/Code>/);
    child.kill("SIGINT");
    assert.equal((await child.status).code, 0);
    assert.equal(await new Response(child.stderr).text(), "");
  } finally {
    if ((await Promise.race([child.status, undefined])) === undefined) child.kill("SIGKILL");
    await child.status;
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("serve-s3 with half a pair of keys is wrong usage", async () => {
  const { code, stderr } = await start("/nowhere", "--access-key", "me").output();
  assert.equal(code, 2);
  assert.match(new TextDecoder().decode(stderr), /--access-key and --secret-key go together/);
});

Deno.test("serve-s3 says why it cannot serve", async () => {
  const { code, stderr } = await start("/dev/null/x").output();
  assert.equal(code, 1);
  assert.match(new TextDecoder().decode(stderr), /^Error: Cannot serve \/dev\/null\/x on port 0: /);
});
