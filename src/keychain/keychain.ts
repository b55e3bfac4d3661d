/**
 * The S3 keys that `cloudmount credentials set` was given, by profile. Of each there is a record in
 * `STATE/credentials`: which vault has the secret, and what that needs to find it. So a daemon reads
 * from where the command wrote, whatever vaults it would choose itself.
 */
import { join } from "node:path";
import { messageOf } from "../base/message_of.ts";
import { decodeKeys, encodeKeys, type StoredKeys } from "./stored_keys.ts";
import { KeychainError, type Vault, type VaultName } from "./vault.ts";

/** What is known of the keys of a profile without asking for the secret. */
export interface KeychainEntry {
  readonly profile: string;
  readonly keptIn: VaultName;
  /** The last four characters of the access key id: enough to tell keys apart. */
  readonly accessKeyIdEnd: string;
  /** They are lent, and end. */
  readonly hasSessionToken: boolean;
  readonly setAtMs: number;
}

interface KeyRecord {
  readonly profile: string;
  readonly kept_in: VaultName;
  readonly access_key_id_end: string;
  readonly has_session_token: boolean;
  readonly sealed: string;
}

/** Where keys went. */
export interface KeptKeys {
  readonly vault: Vault;
  /** Why better vaults were passed over. */
  readonly passedOver: readonly string[];
}

/** Profiles are words of command lines and names of items. */
const PROFILE = /^[A-Za-z0-9_][A-Za-z0-9 ._@+-]{0,63}$/;

export class Keychain {
  readonly #directory: string;
  readonly #vaults: readonly Vault[];

  /** Of `vaults` the first that works is written to; any of them is read from. */
  constructor(directory: string, vaults: readonly Vault[]) {
    this.#directory = directory;
    this.#vaults = vaults;
  }

  /** Keeps the keys of a profile, in place of earlier ones. Throws `KeychainError`. */
  async set(profile: string, keys: StoredKeys, signal: AbortSignal): Promise<KeptKeys> {
    const path = this.#pathOf(profile);
    const before = await this.#recordAt(path);
    const secret = encodeKeys(keys);
    const passedOver: string[] = [];
    for (const vault of this.#vaults) {
      try {
        const sealed = await vault.seal(profile, secret, signal);
        if (await vault.open(profile, sealed, signal) !== secret) {
          throw new KeychainError(
            `Cannot keep secrets in ${vault.place}: they do not come back`,
            "",
          );
        }
        await this.#write(path, {
          profile,
          kept_in: vault.name,
          access_key_id_end: keys.accessKeyId.slice(-4),
          has_session_token: keys.sessionToken !== undefined,
          sealed,
        });
        if (before !== undefined && before.kept_in !== vault.name) {
          await this.#forget(before, signal).catch((error) => passedOver.push(messageOf(error)));
        }
        return { vault, passedOver };
      } catch (error) {
        if (!(error instanceof KeychainError) || vault === this.#vaults.at(-1)) throw error;
        passedOver.push(error.message);
      }
    }
    throw new KeychainError("Cannot keep secrets: this system has no place for them", "");
  }

  /** The keys of a profile; undefined when none were set. Throws `KeychainError`. */
  async read(profile: string, signal: AbortSignal): Promise<StoredKeys | undefined> {
    const record = await this.#recordAt(this.#pathOf(profile));
    if (record === undefined) return undefined;
    const text = await this.#vaultOf(record).open(profile, record.sealed, signal);
    if (text === undefined) return undefined;
    const keys = decodeKeys(text);
    if (keys !== undefined) return keys;
    throw new KeychainError(
      `Cannot read the credentials of "${profile}": they are damaged`,
      `cloudmount credentials set ${profile}`,
    );
  }

  /** A text that is another one after the profile's keys were set or removed. */
  async state(profile: string): Promise<string> {
    try {
      const { ino, mtime } = await Deno.stat(this.#pathOf(profile));
      return `${ino} ${mtime?.getTime()}`;
    } catch {
      return "";
    }
  }

  /** In the order of their names. */
  async list(): Promise<KeychainEntry[]> {
    const entries: KeychainEntry[] = [];
    try {
      for await (const { name } of Deno.readDir(this.#directory)) {
        if (!name.endsWith(".json")) continue;
        const path = join(this.#directory, name);
        const record = await this.#recordAt(path);
        if (record === undefined) continue;
        entries.push({
          profile: record.profile,
          keptIn: record.kept_in,
          accessKeyIdEnd: record.access_key_id_end,
          hasSessionToken: record.has_session_token,
          setAtMs: (await Deno.stat(path)).mtime?.getTime() ?? 0,
        });
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    return entries.sort((a, b) => a.profile < b.profile ? -1 : 1);
  }

  /** False when there were none. Throws `KeychainError`. */
  async remove(profile: string, signal: AbortSignal): Promise<boolean> {
    const path = this.#pathOf(profile);
    const record = await this.#recordAt(path);
    if (record === undefined) return false;
    await this.#forget(record, signal);
    await Deno.remove(path);
    return true;
  }

  async #forget(record: KeyRecord, signal: AbortSignal): Promise<void> {
    await this.#vaultOf(record).remove(record.profile, record.sealed, signal);
  }

  #vaultOf({ profile, kept_in }: KeyRecord): Vault {
    const vault = this.#vaults.find(({ name }) => name === kept_in);
    if (vault !== undefined) return vault;
    throw new KeychainError(
      `Cannot read the credentials of "${profile}": "${kept_in}" is not on this system`,
      `cloudmount credentials set ${profile}`,
    );
  }

  /** Some file systems take "A" and "a" for the same name: capitals are escaped. */
  #pathOf(profile: string): string {
    if (!PROFILE.test(profile)) {
      throw new KeychainError(
        `Cannot use ${JSON.stringify(profile)} as a profile of the keychain`,
        "1 to 64 letters, digits, spaces and ._@+-, the first a letter, digit or _",
      );
    }
    const file = profile.replace(
      /[^a-z0-9._-]/g,
      (character) => `%${character.charCodeAt(0).toString(16)}`,
    );
    return join(this.#directory, `${file}.json`);
  }

  async #recordAt(path: string): Promise<KeyRecord | undefined> {
    let text: string;
    try {
      text = await Deno.readTextFile(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw new KeychainError(`Cannot read "${path}": ${messageOf(error)}`, "", error);
    }
    try {
      const record = JSON.parse(text) as Partial<KeyRecord>;
      const { profile, kept_in, sealed } = record;
      if (profile === undefined || kept_in === undefined || sealed === undefined) {
        throw new SyntaxError("something is missing in it");
      }
      const { access_key_id_end = "", has_session_token = false } = record;
      return { profile, kept_in, access_key_id_end, has_session_token, sealed };
    } catch (error) {
      throw new KeychainError(
        `Cannot read "${path}": it is damaged`,
        `Remove it, and set the credentials anew: cloudmount credentials set PROFILE`,
        error,
      );
    }
  }

  /** As a whole or not at all. */
  async #write(path: string, record: KeyRecord): Promise<void> {
    await Deno.mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const temporary = `${path}.${crypto.randomUUID()}`;
    try {
      using file = await Deno.open(temporary, { write: true, createNew: true, mode: 0o600 });
      const bytes = new TextEncoder().encode(`${JSON.stringify(record)}\n`);
      for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
      await file.sync();
      await Deno.rename(temporary, path);
    } catch (error) {
      await Deno.remove(temporary).catch(() => {});
      throw error;
    }
  }
}
