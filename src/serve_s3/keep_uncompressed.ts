/** Answers must leave as they are: compression would change their length, ETag and meaning. */

/** From this version on Deno.serve compresses only when asked to. */
const SINCE_MINOR = 9;

/** Compresses text for clients that accept it, unless the header forbids it; a range never. */
const runtimeCompresses = Number(Deno.version.deno.split(".")[1]) < SINCE_MINOR;

/** Marks a response so that no version of the runtime compresses it. */
export function keepUncompressed(response: Response): void {
  if (!runtimeCompresses || response.headers.has("content-range")) return;
  const given = response.headers.get("cache-control");
  response.headers.set("cache-control", given === null ? "no-transform" : `${given}, no-transform`);
}
