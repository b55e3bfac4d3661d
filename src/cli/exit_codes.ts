/** What the program answers to the shell; each code means one thing in every command. */

/** The exit codes by name. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  config: 3,
  noDaemon: 4,
  unhealthy: 5,
  timedOut: 6,
  interrupted: 130,
} as const;

export type ExitCode = typeof EXIT[keyof typeof EXIT];

/** What each code means, as `--help` prints it. */
export const EXIT_MEANINGS: Readonly<Record<ExitCode, string>> = {
  0: "done",
  1: "failed",
  2: "wrong usage",
  3: "config error",
  4: "no daemon running",
  5: "not all healthy",
  6: "timed out with work pending",
  130: "interrupted",
};
