import assert from "node:assert/strict";
import { fakeMountConfig } from "../../../tests/daemon/fake_backend.ts";
import type { Config, CredentialsSource } from "../../config/types.ts";
import type { Environment } from "../environment.ts";
import { readEnvironment } from "../environment.ts";
import { DAEMON_VARIABLES } from "../program_command.ts";
import { agentProgram, secretVariables } from "./agent_program.ts";

function environmentOf(variables: Readonly<Record<string, string>>): Environment {
  return { ...readEnvironment(), variable: (name) => variables[name] };
}

Deno.test("The agent runs this program with absolute paths, and another build is told apart", async () => {
  const program = await agentProgram(environmentOf({}), "/home/x/cloudmount.toml");
  assert.equal(program.command[0], Deno.execPath());
  assert.deepEqual(program.command.slice(-3), ["run", "--config", "/home/x/cloudmount.toml"]);
  assert.match(program.build, /^\d+\.\d+\.\d+ [0-9a-f]{64}$/);
});

Deno.test("Variables that say where things are go to the agent; secrets and others do not", async () => {
  const { environment } = await agentProgram(
    environmentOf({
      XDG_STATE_HOME: "/state",
      AWS_PROFILE: "work",
      AWS_REGION: "",
      AWS_SECRET_ACCESS_KEY: "secret",
      HTTPS_PROXY: "http://user:secret@proxy",
      EDITOR: "vi",
    }),
    "/x",
  );
  const given = { XDG_STATE_HOME: "/state", AWS_PROFILE: "work" };
  assert.deepEqual(environment, { ...DAEMON_VARIABLES, ...given });
});

Deno.test("The daemon needs the secrets that the config names or the AWS chain would use", () => {
  const config = (...sources: readonly CredentialsSource[]): Config => ({
    path: "/x",
    daemon: {} as Config["daemon"],
    mounts: sources.map((credentials, index) => fakeMountConfig(`m${index}`, { credentials })),
  });
  const shell = (name: string) => ({ AWS_ACCESS_KEY_ID: "AK", AWS_SESSION_TOKEN: "" })[name];
  const named: CredentialsSource = {
    kind: "env",
    accessKeyIdEnv: "MY_ID",
    secretAccessKeyEnv: "MY_SECRET",
  };
  assert.deepEqual(secretVariables(config({ kind: "anonymous" }), shell), []);
  assert.deepEqual(secretVariables(config(named, named), shell), ["MY_ID", "MY_SECRET"]);
  assert.deepEqual(secretVariables(config({ kind: "chain" }), shell), ["AWS_ACCESS_KEY_ID"]);
});
