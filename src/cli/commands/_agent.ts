/** What the commands that talk to the system's service manager share. */
import { AgentError } from "../../agent/agent.ts";
import { CommandError } from "../command_error.ts";

/** The result of a call of the agent; its errors come out as `CommandError`s. */
export async function fromAgent<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    throw new CommandError(error.message, {
      ...(error.hint === "" ? {} : { hint: error.hint }),
      cause: error,
    });
  }
}
