/** Starts writers (writer.py), each a process of its own with a directory and a log of its own. */
import { fileURLToPath } from "node:url";
import { type DirectoryNode, walk } from "./expected_tree.ts";
import { readWriterLog, type WriterLog } from "./writer_log.ts";

const WRITER = fileURLToPath(new URL("./writer.py", import.meta.url));
const SCAN = fileURLToPath(new URL("./scan.py", import.meta.url));

/** What a writer does how often, relative to the rest. */
export const WEIGHTS = {
  save: 14,
  replace: 8,
  append: 8,
  edit: 8,
  large: 0,
  hold: 3,
  held_on: 6,
  rename: 8,
  rename_directory: 3,
  unlink: 6,
  mkdir: 6,
  rmdir: 3,
  symlink: 3,
};

export type Weights = Readonly<Record<keyof typeof WEIGHTS, number>>;

/** When a writer ends the daemon: at the nth of some operations. */
export interface WriterKill {
  readonly pid: number;
  /** When it begins, or when it was acknowledged. */
  readonly at: "begin" | "ack";
  readonly ops: readonly string[];
  readonly nth: number;
  /** After that moment. */
  readonly delay_us: number;
}

export interface WriterOptions {
  readonly name: string;
  /** The writer's own directory; it exists. */
  readonly folder: string;
  /** What is in it. */
  readonly tree: DirectoryNode;
  readonly log: string;
  readonly round: number;
  readonly seed: number;
  /** It ends by itself after so long. */
  readonly seconds: number;
  readonly weights: Weights;
  /** At most so long between two operations. */
  readonly pause_ms: number;
  readonly kill: WriterKill | null;
}

export interface RunningWriter {
  readonly name: string;
  readonly pid: number;
  /** What it printed when it broke, else "". Resolves when it has ended. */
  readonly ended: Promise<string>;
  /** What it noted. */
  readLog(): Promise<WriterLog>;
}

/** The real interpreter: what is called python3 may be a script that takes its time. */
export async function findPython(): Promise<string> {
  const { stdout } = await new Deno.Command("python3", {
    args: ["-c", "import sys; print(sys.executable)"],
  }).output();
  return new TextDecoder().decode(stdout).trim();
}

export function startWriter(python: string, options: WriterOptions): RunningWriter {
  const tree = Object.fromEntries(
    [...walk(options.tree)].map(([path, node]) => [
      path,
      node.kind === "file" ? node.bytes.length : node.kind,
    ]),
  );
  const child = new Deno.Command(python, {
    args: [WRITER, JSON.stringify({ ...options, tree })],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const errors = new Response(child.stderr).text();
  return {
    name: options.name,
    pid: child.pid,
    ended: child.status.then(() => errors),
    readLog: async () => readWriterLog(await readText(options.log)),
  };
}

/** "" of a file that is not there yet. */
async function readText(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

/** One name in a directory, as a program sees it. */
export interface Scanned {
  readonly path: string;
  readonly kind: "file" | "directory" | "link";
  readonly mode: number;
  /** In nanoseconds, decimal. */
  readonly mtime: string;
  readonly target?: string;
  readonly size?: number;
  readonly sha256?: string;
}

/** Everything below a directory, read by another process. Throws when that fails. */
export async function scanFolder(python: string, folder: string): Promise<Scanned[]> {
  const { code, stdout, stderr } = await new Deno.Command("timeout", {
    args: ["-s", "KILL", "60", python, SCAN, folder],
    stdin: "null",
  }).output();
  const text = new TextDecoder().decode(stdout);
  if (code !== 0) {
    throw new Error(`Cannot read ${folder}: ${code}: ${new TextDecoder().decode(stderr)}`);
  }
  return text.split("\n").slice(0, -1).map((line) => JSON.parse(line));
}
