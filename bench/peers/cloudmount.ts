/** The executable of this project. */
import { DAEMON_VARIABLES } from "../../src/cli/program_command.ts";
import { ControlClient } from "../../src/control/client.ts";
import { awsEnvironment, type Peer, type Site } from "./peer.ts";

const FLUSH_MS = 120_000;

export function cloudmount(executable: string): Peer {
  return {
    name: "cloudmount",
    path: executable,
    abilities: ["edit", "rename", "git"],
    versionArgs: ["version"],
    async commands(site) {
      const config = `${site.folder}/cloudmount.toml`;
      await Deno.writeTextFile(config, configOf(site));
      const cache = { XDG_CACHE_HOME: `${site.folder}/cache` };
      const env = { ...DAEMON_VARIABLES, ...awsEnvironment(site), ...cache };
      return [{ path: executable, args: ["run", "--config", config], env }];
    },
    async flush(site) {
      using client = new ControlClient(socketOf(site));
      const signal = AbortSignal.timeout(FLUSH_MS);
      const { mounts } = await client.status(signal);
      const mounted = mounts.filter(({ state }) => state === "mounted");
      await Promise.all(mounted.map(({ id }) => client.flushMount(id, FLUSH_MS, signal)));
    },
  };
}

function socketOf(site: Site): string {
  return `${site.folder}/control.sock`;
}

function configOf(site: Site): string {
  const mounts = [...site.places, ...site.neighbours].map(({ bucket, url, path }, index) => `
[[mount]]
name = "m${index}"
bucket = "${bucket}"
endpoint = "${url}"
mount_point = "${path}"
`);
  return `[daemon]
state_dir = "${site.folder}/state"
socket = "${socketOf(site)}"

[defaults]
region = "us-east-1"
path_style = true
fsync = "${site.durability}"
${mounts.join("")}`;
}
