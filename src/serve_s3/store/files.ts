/** Small JSON files that are replaced as a whole: a reader, also after a crash, sees old or new. */
import { ifThereSync } from "../../base/if_there.ts";

/** Not durable against power loss: this is a server for tests and demonstrations. */
export function writeJson(path: string, value: unknown): void {
  const slash = path.lastIndexOf("/");
  // Names that begin with "." are skipped by `readJsonFiles`.
  const temporary = `${path.slice(0, slash)}/.${path.slice(slash + 1)}`;
  Deno.writeTextFileSync(temporary, JSON.stringify(value));
  Deno.renameSync(temporary, path);
}

/** The file's content, trusted to be what this server wrote. */
export function readJson<T>(path: string): T {
  try {
    return JSON.parse(Deno.readTextFileSync(path)) as T;
  } catch (error) {
    throw new Error(`Cannot read the record ${path}: remove the file to go on without it`, {
      cause: error,
    });
  }
}

/** All "*.json" of a directory. */
export function readJsonFiles<T>(directory: string): T[] {
  const found: T[] = [];
  for (const { name } of Deno.readDirSync(directory)) {
    if (name.startsWith(".") || !name.endsWith(".json")) continue;
    found.push(readJson<T>(`${directory}/${name}`));
  }
  return found;
}

export function removeIfPresent(path: string, options: { recursive?: boolean } = {}): void {
  ifThereSync(() => Deno.removeSync(path, options));
}
