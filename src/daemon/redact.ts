/** Removes what must never be in a log, whoever put it there. */

const HIDDEN = "[hidden]";

const SECRETS: readonly RegExp[] = [
  // Query parameters of presigned URLs, and headers (AWS Signature Version 4).
  /((?:X-Amz-(?:Signature|Credential|Security-Token)|AWSAccessKeyId|Signature)=)[^&\s"']+/gi,
  /(authorization"?\s*[:=]\s*"?)[^"\n]+/gi,
  // Names under which SDKs, environment variables and config files keep them.
  /((?:secret[_-]?(?:access[_-]?)?key|session[_-]?token|security[_-]?token|password)"?\s*[:=]\s*"?)[^\s"',}]+/gi,
  // User and password of a URL.
  /(:\/\/)[^/\s:@"']+:[^/\s@"']+(?=@)/g,
];

/** `text` without the secrets it may hold. */
export function redact(text: string): string {
  return SECRETS.reduce((result, secret) => result.replace(secret, `$1${HIDDEN}`), text);
}
