/** The config file from disk. */
import { messageOf } from "../base/message_of.ts";
import { ConfigError } from "./config_error.ts";
import { parseConfig } from "./parse.ts";
import type { PathEnvironment } from "./paths.ts";
import { positionAt } from "./toml_positions.ts";
import type { Config } from "./types.ts";

/** A config of 256 mounts with every key and comments has less. */
const FILE_BYTES_MAX = 1024 * 1024;

/** Reads and checks `file`; throws a `ConfigError`, also when it cannot be read. */
export async function readConfig(file: string, environment: PathEnvironment): Promise<Config> {
  return parseConfig(await readConfigText(file), file, environment);
}

/** The text of `file`; throws a `ConfigError` when it cannot be read as text. */
export async function readConfigText(file: string): Promise<string> {
  return decode(await readBytes(file), file);
}

async function readBytes(file: string): Promise<Uint8Array> {
  try {
    // Size and kind first: reading /dev/zero or a pipe would never end.
    const info = await Deno.stat(file);
    if (info.isDirectory) throw whole(file, "cannot be read: it is a directory");
    if (!info.isFile) throw whole(file, "cannot be read: it is not a regular file");
    if (info.size > FILE_BYTES_MAX) {
      throw whole(file, `is too large: ${info.size} bytes, ${FILE_BYTES_MAX} are possible`);
    }
    return await Deno.readFile(file);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    if (error instanceof Deno.errors.NotFound) {
      throw whole(file, "does not exist", "write one with: cloudmount config init", error);
    }
    const reason = messageOf(error);
    throw whole(file, `cannot be read: ${reason}`, "check its permissions", error);
  }
}

function decode(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    // Decoding with replacement keeps everything before the first wrong byte in its place.
    const text = new TextDecoder().decode(bytes);
    const place = positionAt(text, Math.max(0, text.indexOf("\ufffd")));
    const hint = "save the file as UTF-8";
    throw new ConfigError(file, [{ ...place, key: "", message: "is not UTF-8 text", hint }]);
  }
}

/** A problem of the whole file. */
function whole(file: string, message: string, hint?: string, cause?: unknown): ConfigError {
  const problem = { line: 1, column: 1, key: "", message };
  return new ConfigError(file, [hint === undefined ? problem : { ...problem, hint }], cause);
}
