/** What is wrong with a config file: everything at once, each with its place. */

/** One thing to correct. Lines and columns count from 1, columns in characters. */
export interface ConfigProblem {
  readonly line: number;
  readonly column: number;
  /** The key with its path, for example "mount[0].region"; "" when it is about the whole file. */
  readonly key: string;
  readonly message: string;
  /** What to do. */
  readonly hint?: string;
}

/** The file cannot be used. `problems` is never empty and in the order of the file. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly file: string;
  readonly problems: readonly ConfigProblem[];

  constructor(file: string, problems: readonly ConfigProblem[], cause?: unknown) {
    const ordered = [...problems].sort((a, b) => a.line - b.line || a.column - b.column);
    super(ordered.map((problem) => formatProblem(file, problem)).join("\n"), { cause });
    this.file = file;
    this.problems = ordered;
  }
}

/** `file:line:column: key: message (hint)`. */
export function formatProblem(file: string, problem: ConfigProblem): string {
  const { line, column, key, message, hint } = problem;
  const what = key === "" ? message : `${key}: ${message}`;
  return `${file}:${line}:${column}: ${what}${hint === undefined ? "" : ` (${hint})`}`;
}
