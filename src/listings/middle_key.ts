/**
 * Guesses a key that parts what is not yet listed of a directory into two halves. Nobody knows how
 * far the names go on, so a guess may be bad: then it costs a request (ordered_pages.ts).
 */

const DIGITS = "0123456789";
const UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const LOWER = "abcdefghijklmnopqrstuvwxyz";
/** Names looked at to find out which characters names are made of. */
const SAMPLE = 50;

export interface Unlisted {
  /** Keys of the latest page, in order; of directories without their "/". */
  readonly keys: readonly string[];
  /** The first key of all that was listed. */
  readonly first: string;
  /** What is not yet listed comes behind this key, */
  readonly low: string;
  /** and before this one; absent: to the end. */
  readonly high: string | undefined;
}

/** A key between `low` and `high`; undefined when the names give no hint. */
export function middleKey({ keys, first, low, high }: Unlisted): string | undefined {
  const from = commonLength(first, low);
  const alphabet = alphabetOf(keys, Math.min(from, commonLength(keys[0] ?? low, low)));
  if (high !== undefined) {
    const at = commonLength(low, high);
    return between(alphabet, low, at, high[at]) ?? between(alphabet, low, at + 1, undefined);
  }
  // The first place where names have differed so far, or one before that if there it is at its end.
  for (let at = from; at >= 0; at--) {
    const key = between(alphabet, low, at, undefined);
    if (key !== undefined) return key;
  }
  return undefined;
}

/** `low` with a greater character at `at`, in the middle of those below `limit`. */
function between(
  alphabet: string,
  low: string,
  at: number,
  limit: string | undefined,
): string | undefined {
  const present = low[at];
  if (present !== undefined && !alphabet.includes(present)) return undefined;
  const greater = [...alphabet].filter((character) =>
    (present === undefined || character > present) && (limit === undefined || character < limit)
  );
  const middle = greater[(greater.length - 1) >>> 1];
  return middle === undefined ? undefined : low.slice(0, at) + middle;
}

/** All characters of the kinds that names have behind their common beginning, without extensions. */
function alphabetOf(keys: readonly string[], from: number): string {
  let digits = "";
  let upper = "";
  let lower = "";
  const step = Math.max(1, Math.floor(keys.length / SAMPLE));
  for (let i = 0; i < keys.length; i += step) {
    const end = keys[i]!.lastIndexOf(".");
    for (const character of keys[i]!.slice(from, end > from ? end : undefined)) {
      if (DIGITS.includes(character)) digits = DIGITS;
      else if (UPPER.includes(character)) upper = longer(upper, kindOf(UPPER, character));
      else if (LOWER.includes(character)) lower = longer(lower, kindOf(LOWER, character));
    }
  }
  return digits + upper + lower;
}

/** The letters of hexadecimal numbers, or all. */
function kindOf(letters: string, letter: string): string {
  return letters.indexOf(letter) < 6 ? letters.slice(0, 6) : letters;
}

function longer(a: string, b: string): string {
  return a.length < b.length ? b : a;
}

function commonLength(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}
