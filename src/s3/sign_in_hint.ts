/** What a person does to get a mount's credentials back: the exact command where there is one. */
import { type ProfileKind, profileKind } from "./aws_files.ts";
import type { CredentialsOptions, ReadEnv } from "./credentials.ts";

/** How a person signs in. */
export interface SignIn {
  readonly hint: string;
  /** They have to sign in now and then: without credentials the mount waits for that, and is not wrong. */
  readonly isRegular: boolean;
}

/** `profile` is that of the mount's config, for the AWS chain. */
export async function signInOf(
  options: CredentialsOptions,
  profile: string | undefined,
  readEnv: ReadEnv,
): Promise<SignIn> {
  if (options.kind !== "chain") return { hint: otherHint(options), isRegular: false };
  const chosen = profile ?? readEnv("AWS_PROFILE");
  const kind = await profileKind(chosen ?? "default", readEnv);
  return { hint: chainHint(kind, chosen), isRegular: kind !== "keys" };
}

function otherHint(options: Exclude<CredentialsOptions, { readonly kind: "chain" }>): string {
  if (options.kind === "anonymous") return "Set credentials of this mount";
  if (options.kind === "given") return options.hint;
  const { accessKeyIdEnv, secretAccessKeyEnv } = options;
  return `Set ${accessKeyIdEnv} and ${secretAccessKeyEnv} where the daemon runs, and start it again`;
}

function chainHint(kind: ProfileKind, profile: string | undefined): string {
  const flag = profile === undefined || profile === "default" ? "" : ` --profile ${profile}`;
  switch (kind) {
    case "sso":
      return `Sign in: aws sso login${flag}`;
    case "login":
      return `Sign in: aws login${flag}`;
    case "process":
      return `Look what its credential_process says: aws configure export-credentials${flag}`;
    case "keys":
      return `Set keys with: aws configure${flag} (or set profile or credentials of this mount, ` +
        '"anonymous" for public buckets)';
  }
}
