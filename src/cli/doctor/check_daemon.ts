/** Whether the daemon runs, what it says of its mounts and its journal, and whether it comes by itself. */
import { AgentError, type AgentState } from "../../agent/agent.ts";
import type { StatusDocument } from "../../control/protocol.ts";
import { type Finding, Findings } from "./finding.ts";

/** `status` is undefined when no daemon answers. */
export function checkDaemon(status: StatusDocument | undefined): readonly Finding[] {
  const findings = new Findings();
  if (status === undefined) {
    findings.warning("daemon", "does not run", "No folder is mounted", "cloudmount start");
    return findings.list;
  }
  findings.ok("daemon", `runs (version ${status.version}, pid ${status.pid})`);
  if (status.problems.length === 0) findings.ok("journal", "is sound");
  for (const problem of status.problems) {
    const why = "What was written here may not have got to S3";
    findings.warning("journal", problem, why, "See README, “lost+found”");
  }
  return [...findings.list, ...status.mounts.flatMap(checkMount)];
}

function checkMount(
  { name, state, error, uploads, conflicts, lost_and_found }: StatusDocument["mounts"][number],
): readonly Finding[] {
  const findings = new Findings(name);
  if (error !== null) {
    const why = state === "failed"
      ? "The folder is not there"
      : "Not everything works in the folder";
    findings.error(`mount.${state}`, error.message, why, error.hint || `cloudmount status ${name}`);
  } else findings.ok("mount", `is ${state}`);
  if (uploads.last_error !== null && error === null) {
    const why = `${uploads.pending_files} files are on this machine only`;
    findings.error("mount.uploads", uploads.last_error, why, `cloudmount flush ${name}`);
  }
  if (conflicts.length > 0) {
    const why = "Both versions were kept; somebody has to choose";
    findings.warning(
      "mount.conflicts",
      `${conflicts.length} conflicts`,
      why,
      `cloudmount status ${name}`,
    );
  }
  for (const line of lost_and_found) {
    findings.warning(
      "mount.lost_and_found",
      line,
      "It could not be used",
      "See README, “lost+found”",
    );
  }
  return findings.list;
}

/** `agent` is an error when it cannot be asked. `lingering` is undefined when that is not known. */
export function checkAgent(
  agent: AgentState | AgentError,
  runs: boolean,
  lingering: boolean | undefined,
): readonly Finding[] {
  const findings = new Findings();
  const install = "cloudmount install-agent";
  if (agent instanceof AgentError) {
    findings.warning("agent", agent.message, "Nothing starts the daemon at login", agent.hint);
  } else if (!agent.installed) {
    findings.warning(
      "agent",
      "is not installed",
      "Nothing starts the daemon at login or after a crash",
      install,
    );
  } else if (!agent.enabled) {
    findings.warning(
      "agent",
      "is installed, but not enabled",
      "Nothing starts the daemon at login",
      install,
    );
  } else if (!agent.running) {
    const message = runs
      ? "is installed, but a daemon runs without it"
      : "is installed, but its daemon does not run";
    findings.warning("agent", message, "Nothing starts the daemon after a crash", install);
  } else findings.ok("agent", `runs the daemon, by ${agent.path}`);
  if (!(agent instanceof AgentError) && agent.installed && lingering === false) {
    const why = "The folders are there only as long as you are logged in";
    findings.warning("agent.linger", "is off", why, "loginctl enable-linger");
  }
  return findings.list;
}
