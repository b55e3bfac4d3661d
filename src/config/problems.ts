import type { ConfigProblem } from "./config_error.ts";
import type { TomlPath, TomlPositions } from "./toml_positions.ts";

/** Collects what is wrong with a document; a key that holds a secret is named for that only. */
export class Problems {
  readonly #positions: TomlPositions;
  readonly #found: ConfigProblem[] = [];
  readonly #muted: string[] = [];

  constructor(positions: TomlPositions) {
    this.#positions = positions;
  }

  get found(): readonly ConfigProblem[] {
    return this.#found;
  }

  /** Notes a problem of the key at `path`. */
  add(path: TomlPath, message: string, hint?: string): void {
    const key = pathText(path);
    if (this.#muted.some((muted) => key === muted || key.startsWith(`${muted}.`))) return;
    const place = this.#positions.find(path);
    this.#found.push({ ...place, key, message, ...(hint === undefined ? {} : { hint }) });
  }

  /** Notes a problem and leaves out every further one of the same key. */
  addLast(path: TomlPath, message: string, hint: string): void {
    this.add(path, message, hint);
    this.#muted.push(pathText(path));
  }
}

/** `["mount", 0, "region"]` as "mount[0].region". */
function pathText(path: TomlPath): string {
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`;
    else text += `${text === "" ? "" : "."}${keyText(part)}`;
  }
  return text;
}

function keyText(key: string): string {
  const short = key.length > 60 ? `${key.slice(0, 60)}...` : key;
  return /^[A-Za-z0-9_-]+$/.test(short) ? short : JSON.stringify(short);
}
