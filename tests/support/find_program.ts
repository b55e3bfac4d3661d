/** Finds programs that are installed by a language's own tool and need not be on PATH. */

/** The path of `name` on PATH or in one of `folders`, which are relative to $HOME. */
export function findProgram(name: string, folders: readonly string[] = []): string | undefined {
  const home = Deno.env.get("HOME") ?? "/";
  const places = [
    ...(Deno.env.get("PATH") ?? "").split(":"),
    ...folders.map((folder) => `${home}/${folder}`),
  ];
  return places.map((place) => `${place}/${name}`).find(isFile);
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
