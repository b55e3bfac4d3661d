/** The notes of a writer (see writer.py), read back. */

/** One operation. Without an acknowledgement it is the last one, and may have happened or not. */
export type Note =
  & { readonly n: number; readonly acknowledged: boolean }
  & (
    | {
      readonly op: "open";
      readonly path: string;
      readonly handle: number;
      readonly create: boolean;
      readonly trunc: boolean;
    }
    | {
      readonly op: "write";
      readonly handle: number;
      readonly offset: number;
      readonly size: number;
      readonly tag: string;
      /** What the call said it had written. */
      readonly written?: number;
    }
    | { readonly op: "truncate"; readonly handle: number; readonly size: number }
    | { readonly op: "mode"; readonly handle: number; readonly mode: number }
    | { readonly op: "mtime"; readonly handle: number; readonly ns: string }
    | { readonly op: "fsync" | "close"; readonly handle: number }
    | { readonly op: "rename"; readonly path: string; readonly to: string }
    | { readonly op: "unlink" | "mkdir" | "rmdir"; readonly path: string }
    | { readonly op: "symlink"; readonly path: string; readonly target: string }
  );

export interface WriterLog {
  readonly notes: readonly Note[];
  /** The error with which the mount was gone for the writer. */
  readonly failed?: string;
  /** An answer that the writer's file tree does not allow: something is lost, or too much. */
  readonly unexpected?: string;
}

type Line =
  | Note
  | { readonly n: number; readonly ack: number | null }
  | { readonly n: number; readonly failed: string }
  | { readonly n: number; readonly unexpected: string };

/** Reads a log; its last line may be incomplete, as the writer may have been killed too. */
export function readWriterLog(text: string): WriterLog {
  const notes: Note[] = [];
  let end: { failed?: string; unexpected?: string } = {};
  for (const line of text.split("\n").slice(0, -1)) {
    const said: Line = JSON.parse(line);
    const last = notes.at(-1);
    if ("op" in said) {
      if (last?.acknowledged === false) throw new Error(`Cannot read the log: ${line} came early`);
      notes.push({ ...said, acknowledged: false });
    } else if (last === undefined || last.n !== said.n) {
      throw new Error(`Cannot read the log: ${line} answers nothing`);
    } else if ("ack" in said) {
      const done = { ...last, acknowledged: true };
      notes[notes.length - 1] = done.op === "write" ? { ...done, written: said.ack ?? 0 } : done;
    } else {
      const { n: _, ...why } = said;
      end = why;
    }
  }
  return { notes, ...end };
}

/** The notes that name one of `paths`, or a directory above it, and those on handles opened there. */
export function notesAbout(notes: readonly Note[], paths: readonly string[]): readonly Note[] {
  const names = new Set(paths);
  // Backwards through renames: under which names it went before.
  for (const note of notes.toReversed()) {
    if (note.op !== "rename") continue;
    for (const name of names) {
      if (`${name}/`.startsWith(`${note.to}/`)) names.add(note.path + name.slice(note.to.length));
    }
  }
  const handles = new Set<number>();
  return notes.filter((note) => {
    if ("handle" in note && note.op !== "open") return handles.has(note.handle);
    const found = [note.path, ...(note.op === "rename" ? [note.to] : [])]
      .some((path) => [...names].some((name) => `${name}/`.startsWith(`${path}/`)));
    if (found && note.op === "open") handles.add(note.handle);
    return found;
  });
}
