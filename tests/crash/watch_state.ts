/** Watches what the daemon does to its state directory. */

/** A file of staged writes, or another but a log. */
export type StateFile = "staged" | "journal";

/** Calls back once, at the nth change of a file below the state directory. */
export function watchState(
  folder: string,
  what: StateFile,
  nth: number,
  hit: () => void,
): Disposable {
  const watcher = Deno.watchFs(folder);
  let left = nth;
  void (async () => {
    for await (const { kind, paths } of watcher) {
      if (kind !== "create" && kind !== "modify") continue;
      const isStaged = paths.some((path) => path.startsWith(`${folder}/staged/`));
      const isLog = paths.some((path) => path.startsWith(`${folder}/logs/`));
      if (isLog || isStaged !== (what === "staged") || --left !== 0) continue;
      hit();
      return;
    }
  })();
  return {
    [Symbol.dispose]: () => {
      try {
        watcher.close();
      } catch {
        // It ended with its loop.
      }
    },
  };
}
