/** Object tags and their limits (S3 user guide, "Categorizing your objects using tags"). */
import { S3Error } from "./s3_error.ts";

const TAGS_MAX = 10;
const NAME_LENGTH_MAX = 128;
const VALUE_LENGTH_MAX = 256;

/** Checks tags that a client sent, and returns them. */
export function parseTagPairs(
  pairs: readonly (readonly [name: string, value: string])[],
): readonly (readonly [name: string, value: string])[] {
  const valid = pairs.every(([name, value]) =>
    name.length >= 1 && name.length <= NAME_LENGTH_MAX && value.length <= VALUE_LENGTH_MAX
  );
  if (!valid) throw new S3Error("InvalidTag", "The tag provided was not a valid tag.");
  if (new Set(pairs.map(([name]) => name)).size < pairs.length) {
    throw new S3Error("InvalidTag", "Cannot provide multiple Tags with the same key");
  }
  if (pairs.length > TAGS_MAX) {
    throw new S3Error("InvalidTag", `Object tags cannot be greater than ${TAGS_MAX}`);
  }
  return pairs;
}
