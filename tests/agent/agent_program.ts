import type { AgentProgram } from "../../src/agent/agent.ts";

/** What agents of tests run. */
export const PROGRAM: AgentProgram = {
  command: ["/usr/local/bin/cloudmount", "run"],
  build: "1.0 abc",
  environment: {},
};
