/** Whether the journal of a daemon that does not run is sound, and whether one hangs. */
import { acquireInstanceLock, AlreadyRunningError } from "../../daemon/instance_lock.ts";
import { inspectJournal } from "../../journal/inspect_journal.ts";
import { type Finding, Findings } from "./finding.ts";

/** To be asked when no daemon answers. */
export async function checkJournal(stateDir: string): Promise<readonly Finding[]> {
  const findings = new Findings();
  const isThere = await Deno.stat(`${stateDir}/journal.db`).then(() => true, () => false);
  if (!isThere) return [];
  let lock;
  try {
    lock = await acquireInstanceLock(stateDir);
  } catch (error) {
    if (!(error instanceof AlreadyRunningError)) throw error;
    findings.error(
      "daemon.hangs",
      `process ${error.pid ?? "?"} uses ${stateDir} and does not answer`,
      "Its folders may hang, and another daemon cannot start",
      `Does it end by itself: cloudmount stop; else: kill -9 ${
        error.pid ?? "PID"
      }; then: cloudmount start`,
    );
    return findings.list;
  }
  try {
    report(stateDir, await inspectJournal(stateDir), findings);
  } finally {
    lock.release();
  }
  return findings.list;
}

function report(
  stateDir: string,
  health: Awaited<ReturnType<typeof inspectJournal>>,
  findings: Findings,
): void {
  if (health === undefined) return;
  const path = `${stateDir}/journal.db`;
  if (health.damage !== undefined) {
    return findings.error(
      "journal",
      `${path} is damaged: ${health.damage}`,
      "What was written here may not have got to S3",
      "cloudmount start: it keeps all that can be read, and sets the file aside in lost+found",
    );
  }
  const waiting = health.counts.filter(({ kind }) => kind === "change")
    .reduce((sum, { count }) => sum + count, 0);
  if (waiting === 0) return findings.ok("journal", "is sound, and nothing waits in it");
  findings.warning(
    "journal",
    `is sound; ${waiting} ${waiting === 1 ? "name" : "names"} in it are not in S3 yet`,
    "They are on this machine only",
    "cloudmount start, then: cloudmount flush",
  );
}
