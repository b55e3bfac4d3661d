import { object } from "@optique/core/constructs";
import { map } from "@optique/core/modifiers";
import type { Command } from "../command.ts";
import type { Finding, FindingStatus } from "../doctor/finding.ts";
import { runChecks } from "../doctor/run_checks.ts";
import { EXIT } from "../exit_codes.ts";
import { printable } from "../printable.ts";
import type { Style } from "../style.ts";

export const command: Command = {
  description:
    "Checks all that the mounts need: config, FUSE, mount points, disks, the daemon, the agent, and " +
    "each bucket, into which it writes some small objects and one of 5 MiB, and removes them again. " +
    "Says of each problem what, why it matters, and how to mend it.",
  parser: map(object({}), () => async (context) => {
    const { output } = context;
    output.note("Checking; a bucket takes a few seconds ...");
    const findings = await runChecks(context);
    const healthy = findings.every(({ status }) => status !== "error");
    output.show({ healthy, findings }, () => findingsText(findings, output.style));
    return healthy ? EXIT.done : EXIT.unhealthy;
  }),
  takesJson: true,
  examples: [
    { line: "cloudmount doctor", meaning: "when something does not work, or before a first mount" },
    { line: "cloudmount doctor --json", meaning: "the same for a script" },
  ],
  exitCodes: [EXIT.unhealthy],
};

/** A paragraph for each problem, a line for what is well; then the sum. */
export function findingsText(findings: readonly Finding[], style: Style): string {
  const marks: Readonly<Record<FindingStatus, string>> = {
    ok: style.green("ok     "),
    warning: style.yellow("WARNING"),
    error: style.red("ERROR  "),
  };
  const lines = findings.flatMap(({ check, mount, status, message, why, fix }) => {
    const subject = mount === null ? check : `${mount}: ${check}`;
    return [
      `${marks[status]}  ${style.bold(printable(subject))}  ${printable(message)}`,
      ...(why === "" ? [] : [`         why: ${printable(why)}`]),
      ...(fix === "" ? [] : [`         fix: ${printable(fix)}`]),
    ];
  });
  const count = (wanted: FindingStatus) =>
    findings.filter(({ status }) => status === wanted).length;
  const [errors, warnings] = [count("error"), count("warning")];
  const sum = errors + warnings === 0
    ? "All is well"
    : `${errors} ${errors === 1 ? "error" : "errors"}, ${warnings} ${
      warnings === 1 ? "warning" : "warnings"
    }`;
  return [...lines, "", sum].join("\n");
}
