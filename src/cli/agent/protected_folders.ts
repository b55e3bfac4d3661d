/** Folders that macOS guards: a program without a window is refused there, or asks at every access. */
import { isWithin } from "../../config/paths.ts";

const GUARDED = ["Desktop", "Documents", "Downloads", "Library/Mobile Documents"];

/** The guarded folder that `path` lies in; undefined when it is elsewhere. */
export function guardedFolder(path: string, home: string): string | undefined {
  return GUARDED.map((name) => `${home}/${name}`).find((folder) => isWithin(path, folder));
}
