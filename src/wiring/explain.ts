import { messageOf } from "../base/message_of.ts";
import { StoreError } from "../s3/errors.ts";

/** What went wrong, and what to do about it: "" when nothing is known. The message does not repeat the hint. */
export interface Explanation {
  readonly message: string;
  readonly hint: string;
}

/** An error of any room in words for the user. */
export function explain(error: unknown): Explanation {
  const message = messageOf(error);
  const hint = error instanceof StoreError ? error.details.hint : undefined;
  if (hint === undefined) return { message, hint: "" };
  const repeated = `. ${hint}`;
  return {
    message: message.endsWith(repeated) ? message.slice(0, -repeated.length) : message,
    hint,
  };
}
