/** A pair of keys from a person, or from a pipe: a line each, the session token as the third. */
import type { StoredKeys } from "../../keychain/stored_keys.ts";
import { UsageError } from "../command_error.ts";
import type { LineInput } from "../line_input.ts";

/** Throws a `UsageError` for what cannot be keys; it does not repeat them. */
export async function enterKeys(input: LineInput, signal: AbortSignal): Promise<StoredKeys> {
  const ask = async (what: string, isHidden: boolean, remark = "") =>
    (await input.line(`${what}${remark}: `, { isHidden }, signal) ?? "").trim();
  const accessKeyId = check("access key id", await ask("Access key id", false));
  const secretAccessKey = check(
    "secret access key",
    await ask("Secret access key", true, " (not shown)"),
  );
  const sessionToken = await ask("Session token", true, " (not shown; Enter for none)");
  if (sessionToken === "") return { accessKeyId, secretAccessKey };
  return { accessKeyId, secretAccessKey, sessionToken: check("session token", sessionToken) };
}

function check(what: string, value: string): string {
  if (/^[\x21-\x7e]+$/.test(value)) return value;
  const why = value === "" ? "is missing" : "has characters that no key has";
  throw new UsageError(
    `Cannot set the credentials: the ${what} ${why}`,
    "From a pipe: the access key id, the secret access key and perhaps a session token, a line each",
  );
}
