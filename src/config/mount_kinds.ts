/** Kinds of values that only a mount has: bucket, prefix, endpoint, credentials. */
import { nearest } from "../base/nearest.ts";
import {
  absolutePath,
  accept,
  type Checked,
  type Kind,
  type KindProblem,
  pattern,
  quoted,
  refuse,
  text,
  typeName,
} from "./kinds.ts";
import type { CredentialsSource } from "./types.ts";

/** How commands call a mount: also a part of paths, URLs and the mount's source "cloudmount#NAME". */
export const mountName: Kind<string> = pattern(
  /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
  "a mount name",
  "1 to 64 letters, digits, '.', '_' and '-', the first a letter or digit",
);

/**
 * What every S3 service takes as a bucket. Amazon's stricter rules are checked when the endpoint is
 * known (`awsBucketProblem`).
 */
export const bucketName: Kind<string> = (value, home) => {
  const checked = text()(value, home);
  if (!checked.ok) return checked;
  const name = checked.value;
  if (name.startsWith("s3://")) {
    return refuse(
      "must be the bucket's name, not a URL",
      'leave out "s3://"; a path goes to prefix',
    );
  }
  if (name.startsWith("arn:")) {
    return refuse("access point ARNs are not supported yet", "write the access point's alias");
  }
  if (name.includes("/")) {
    return refuse(`${quoted(name)} is not a bucket name`, "put the path into prefix");
  }
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$/.test(name)) return checked;
  return refuse(
    `${quoted(name)} is not a bucket name`,
    "3 to 63 lowercase letters, digits, '.' and '-', the first and last a letter or digit",
  );
};

/** Why Amazon S3 cannot have a bucket of this name (S3 User Guide, "Bucket naming rules"). */
export function awsBucketProblem(bucket: string): string | undefined {
  if (bucket.length < 3 || bucket.length > 63) return "is not 3 to 63 characters long";
  if (/[A-Z]/.test(bucket)) return "has uppercase letters";
  if (bucket.includes("_")) return "has an underscore";
  if (!/[a-z0-9]$/.test(bucket)) return "does not end with a letter or digit";
  if (bucket.includes("..")) return "has two dots in a row";
  return /^\d+\.\d+\.\d+\.\d+$/.test(bucket) ? "looks like an IP address" : undefined;
}

/**
 * "" or folders. A missing slash at the end is added: a mount shows a folder, and a prefix that
 * cuts through a name ("pho") could not be told from it.
 */
export const keyPrefix: Kind<string> = (value, home) => {
  const checked = text({ mayBeEmpty: true })(value, home);
  if (!checked.ok || checked.value === "") return checked;
  const prefix = checked.value.endsWith("/") ? checked.value : `${checked.value}/`;
  if (prefix.startsWith("/")) {
    return refuse('must not begin with "/"', `write ${quoted(prefix.replace(/^\/+/, ""))}`);
  }
  const parts = prefix.slice(0, -1).split("/");
  if (parts.some((part) => part === "" || part === "." || part === "..")) {
    return refuse(`${quoted(prefix)} has a part that cannot be a folder: "", "." or ".."`);
  }
  // An S3 key has at most 1024 bytes of UTF-8, and a file in the mount needs some of them.
  if (new TextEncoder().encode(prefix).length > 1000) return refuse("must be at most 1000 bytes");
  return accept(prefix);
};

/** A directory to mount at. */
export const mountPoint: Kind<string> = (value, home) => {
  const checked = absolutePath(value, home);
  if (checked.ok && checked.value === "/") {
    return refuse('must not be "/"', "name an empty directory, or one to be made");
  }
  if (checked.ok && checked.value === home) {
    return refuse("must not be your home directory", "name a directory inside it");
  }
  return checked;
};

/** The base URL of an S3 service, as "https://host:port". */
export const endpointUrl: Kind<string> = (value, home) => {
  const checked = text()(value, home);
  if (!checked.ok) return checked;
  const example = 'write it like "https://s3.example.com" or "http://127.0.0.1:9000"';
  if (!/^https?:\/\//i.test(checked.value)) {
    return refuse("must begin with https:// or http://", example);
  }
  const url = URL.parse(checked.value);
  if (url === null) return refuse("is not a URL", example);
  if (url.username !== "" || url.password !== "") {
    return refuse("must not contain a user or password", "put the keys into a profile");
  }
  if (url.pathname !== "/" || url.search !== "" || url.hash !== "") {
    return refuse(
      "must not have a path or query",
      `write "${url.origin}"; the bucket goes to bucket`,
    );
  }
  return accept(url.origin);
};

const CREDENTIAL_KEYS = ["access_key_id_env", "secret_access_key_env"] as const;

/** "chain", "keychain", "anonymous", or the names of two environment variables. */
export const credentials: Kind<CredentialsSource> = (value, home) => {
  if (value === "chain" || value === "keychain" || value === "anonymous") {
    return accept({ kind: value });
  }
  if (typeof value === "string") {
    const near = nearest(value, ["chain", "keychain", "anonymous"]);
    return refuse(
      'must be "chain", "keychain", "anonymous" or { access_key_id_env = "..", secret_access_key_env = ".." }',
      near === undefined ? undefined : `did you mean "${near}"?`,
    );
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return environmentCredentials(value, home);
  }
  return refuse(`must be a string or a table, not ${typeName(value)}`);
};

/** Credentials as in the file. */
export function writtenCredentials(
  source: CredentialsSource,
): string | Readonly<Record<string, string>> {
  return source.kind !== "env" ? source.kind : {
    access_key_id_env: source.accessKeyIdEnv,
    secret_access_key_env: source.secretAccessKeyEnv,
  };
}

function environmentCredentials(
  table: object,
  home: string | undefined,
): Checked<CredentialsSource> {
  const problems: KindProblem[] = [];
  const values: Record<string, string> = {};
  const entries = new Map<string, unknown>(Object.entries(table));
  for (const key of CREDENTIAL_KEYS) {
    if (!entries.has(key)) {
      problems.push({ message: `needs ${key}`, hint: "the name of an environment variable" });
      continue;
    }
    const checked = text()(entries.get(key), home);
    if (!checked.ok) {
      problems.push(...checked.problems.map((problem) => ({ ...problem, at: [key] })));
    } else if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(checked.value)) {
      problems.push({ at: [key], message: "is not the name of an environment variable" });
    } else values[key] = checked.value;
  }
  for (const key of entries.keys()) {
    if (CREDENTIAL_KEYS.some((known) => known === key)) continue;
    const near = nearest(key, CREDENTIAL_KEYS);
    problems.push({
      at: [key],
      message: "unknown key",
      ...(near === undefined ? {} : { hint: `did you mean "${near}"?` }),
    });
  }
  const { access_key_id_env: accessKeyIdEnv, secret_access_key_env: secretAccessKeyEnv } = values;
  if (problems.length > 0 || accessKeyIdEnv === undefined || secretAccessKeyEnv === undefined) {
    return { ok: false, problems };
  }
  return accept({ kind: "env", accessKeyIdEnv, secretAccessKeyEnv });
}
