/** Secrets do not belong into the config file: people copy it, show it and put it into repositories. */
import type { TomlPath } from "./toml_positions.ts";

/** The advice for each secret that is found. */
export const SECRET_HINT = "put it into a profile of ~/.aws/credentials; or run " +
  '"cloudmount credentials set" and write credentials = "keychain"; or into environment variables ' +
  'and write credentials = { access_key_id_env = "NAME", secret_access_key_env = "NAME" }';

const SECRET_KEY =
  /^(aws_?)?(access_?key(_?id)?|secret(_?access)?(_?key)?|session_?token|security_?token|password|passwd|token)$/i;

// Amazon's access key ids (IAM User Guide, "Unique identifiers").
const ACCESS_KEY_ID = /(?<![A-Za-z0-9])(AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])/;

/** Keys whose values may by chance be 40 characters of every sort. */
const PATH_KEYS = new Set(["mount_point", "prefix", "state_dir", "socket", "cache_dir"]);

/** The paths of all keys that hold a secret, by their name or by the look of their value. */
export function findSecrets(document: unknown): TomlPath[] {
  const found: TomlPath[] = [];
  const visit = (value: unknown, path: TomlPath): void => {
    const key = path.at(-1);
    const named = typeof key === "string" && SECRET_KEY.test(key);
    if (named || (typeof value === "string" && looksSecret(value, key))) {
      found.push(path);
    } else if (Array.isArray(value)) {
      value.forEach((element, index) => visit(element, [...path, index]));
    } else if (typeof value === "object" && value !== null && !(value instanceof Date)) {
      for (const [name, inner] of Object.entries(value)) visit(inner, [...path, name]);
    }
  };
  visit(document, []);
  return found;
}

function looksSecret(value: string, key: string | number | undefined): boolean {
  if (ACCESS_KEY_ID.test(value)) return true;
  // Secret access keys are 40 characters of base64, in practice always of all three sorts.
  return !(typeof key === "string" && PATH_KEYS.has(key)) && /^[A-Za-z0-9/+]{40}$/.test(value) &&
    /[a-z]/.test(value) && /[A-Z]/.test(value) && /\d/.test(value);
}
