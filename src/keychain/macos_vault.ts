/**
 * The login keychain of macOS through security(1), whose items stay readable for it after an update of
 * this program, as they are not bound to our signature. Writing goes by its interactive mode: commands
 * on standard input, so that no secret is ever an argument.
 */
import type { ToolResult } from "../system/run_tool.ts";
import { KeychainError, type Vault } from "./vault.ts";
import { VaultTool } from "./vault_tool.ts";

const SERVICE = "cloudmount";
/** Lines of the interactive mode end at 4096 bytes; session tokens can be longer. */
const PIECE_CHARACTERS = 3000;
/** The user may be asked to unlock the keychain. */
const WRITE_MS = 60_000;
const READ_MS = 15_000;

/** Exit codes are the low bytes of OSStatus: errSecItemNotFound, errSecInteractionNotAllowed. */
const NOT_FOUND = 44;
const LOCKED = 36;

export class MacosVault implements Vault {
  readonly name = "macos-keychain";
  readonly place = "the login keychain";
  readonly #tool: VaultTool;

  /** `tool` is not looked for on PATH: what is there gets all secrets. */
  constructor(tool = "/usr/bin/security") {
    const silent = "Is a window asking for the password of the keychain?";
    this.#tool = new VaultTool(tool, { silent });
  }

  /** Seals to the number of items that hold the pieces. */
  async seal(profile: string, secret: string, signal: AbortSignal): Promise<string> {
    const pieces = secret.match(new RegExp(`.{1,${PIECE_CHARACTERS}}`, "g")) ?? [];
    const lines = pieces.map((piece, index) =>
      `add-generic-password -U -s ${SERVICE} -a ${quoted(account(profile, index))} ` +
      `-l ${quoted(`Cloudmount: ${profile}`)} -w ${quoted(piece)}\n`
    );
    const result = await this.#tool.run(["-i"], WRITE_MS, signal, lines.join(""));
    // Older ones end with 0 whatever happened, and say so.
    const failed = /returned (\d+)/.exec(result.stderr)?.[1];
    if (result.code !== 0 || failed !== undefined) {
      throw failure("Cannot write to the keychain", Number(failed ?? result.code), result);
    }
    return String(pieces.length);
  }

  async open(profile: string, sealed: string, signal: AbortSignal): Promise<string | undefined> {
    let secret = "";
    for (let index = 0; index < Number(sealed); index++) {
      const result = await this.#tool.run(
        ["find-generic-password", ...itemOf(profile, index), "-w"],
        READ_MS,
        signal,
      );
      if (result.code === NOT_FOUND) return undefined;
      if (result.code !== 0) throw failure("Cannot read the keychain", result.code, result);
      secret += result.stdout.trim();
    }
    return secret;
  }

  async remove(profile: string, sealed: string, signal: AbortSignal): Promise<void> {
    for (let index = 0; index < Number(sealed); index++) {
      const args = ["delete-generic-password", ...itemOf(profile, index)];
      const result = await this.#tool.run(args, WRITE_MS, signal);
      if (result.code !== 0 && result.code !== NOT_FOUND) {
        throw failure("Cannot delete from the keychain", result.code, result);
      }
    }
  }
}

function itemOf(profile: string, index: number): string[] {
  return ["-s", SERVICE, "-a", account(profile, index)];
}

function account(profile: string, index: number): string {
  return index === 0 ? profile : `${profile}#${index}`;
}

/** One word of the interactive mode, where a backslash takes the meaning from any character. */
function quoted(word: string): string {
  return `"${word.replace(/["\\]/g, "\\$&")}"`;
}

function failure(action: string, code: number, { stderr }: ToolResult): KeychainError {
  const hint = code === LOCKED
    ? "It is locked, as over ssh: security unlock-keychain ~/Library/Keychains/login.keychain-db"
    : `What the code means: security error ${code}`;
  return new KeychainError(`${action}: ${stderr || "no reason given"} (${code})`, hint);
}
