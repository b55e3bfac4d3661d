import assert from "node:assert/strict";
import { pathEnvironment } from "../../tests/support/path_environment.ts";
import { ConfigError } from "./config_error.ts";
import { readConfig } from "./read_config.ts";

const ENVIRONMENT = pathEnvironment("/home/ann");

/** The message of reading a file with these bytes; "" when it is accepted. */
async function messageFor(bytes: Uint8Array | string): Promise<string> {
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeFile(file, typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes);
    return await messageOf(file);
  } finally {
    await Deno.remove(file);
  }
}

async function messageOf(file: string): Promise<string> {
  try {
    await readConfig(file, ENVIRONMENT);
    return "";
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.message.replace(file, "FILE");
  }
}

Deno.test("A missing file is told with the way to write one", async () => {
  assert.equal(
    await messageOf("/nowhere/c.toml"),
    "FILE:1:1: does not exist (write one with: cloudmount config init)",
  );
});

Deno.test("A directory, a device and a pipe are no config files", async () => {
  assert.equal(await messageOf("/"), "FILE:1:1: cannot be read: it is a directory");
  assert.match(await messageOf("/dev/zero"), /it is not a regular file/);
});

Deno.test("A path through a file is told as it is", async () => {
  assert.match(
    await messageOf("/etc/passwd/c.toml"),
    /FILE:1:1: cannot be read: .*Not a directory/,
  );
});

Deno.test("A file that its user may not read is told so", async () => {
  const file = await Deno.makeTempFile();
  try {
    await Deno.chmod(file, 0o000);
    const message = await messageOf(file);
    // root reads every file
    if (Deno.uid() === 0) assert.equal(message, "");
    else assert.match(message, /cannot be read: .*check its permissions/);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("A file that is not UTF-8 is told with the place of the first wrong byte", async () => {
  const bytes = new TextEncoder().encode('# ä\nname = "x"\n');
  bytes[12] = 0xe4;
  assert.equal(await messageFor(bytes), "FILE:2:8: is not UTF-8 text (save the file as UTF-8)");
  assert.match(await messageFor(Uint8Array.of(0xff, 0xfe, 0x41, 0)), /FILE:1:1: is not UTF-8/);
});

Deno.test("A file of more than a megabyte is not read", async () => {
  const message = await messageFor("#".repeat(1024 * 1024 + 1));
  assert.equal(message, "FILE:1:1: is too large: 1048577 bytes, 1048576 are possible");
  assert.equal(await messageFor("#".repeat(1024 * 1024)), "");
});

Deno.test("A byte order mark and CR LF are accepted", async () => {
  assert.equal(await messageFor('\ufeff[daemon]\r\nlog_level = "info"\r\n'), "");
  assert.match(await messageFor('\ufeff\r\n[daemon]\r\n x = "info"\r\n'), /^FILE:3:2: daemon.x/);
});
