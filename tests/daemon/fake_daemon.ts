/** A daemon in this process whose mounts are fakes: a config file, its settings, a control socket. */
import { ConfigFile } from "../../src/config/config_file.ts";
import type { PathEnvironment } from "../../src/config/paths.ts";
import { ControlClient } from "../../src/control/client.ts";
import { startControlServer } from "../../src/control/server.ts";
import { Settings } from "../../src/daemon/settings.ts";
import { Supervisor } from "../../src/daemon/supervisor.ts";
import { pathEnvironment } from "../support/path_environment.ts";
import { FakeBackend } from "./fake_backend.ts";

export const CONFIG_TEXT = `# mine
[daemon]
log_level = "info"

[[mount]] # the first
name = "photos"
bucket = "my-photos"
mount_point = "~/photos"
`;

export interface FakeDaemon {
  readonly environment: PathEnvironment;
  readonly file: ConfigFile;
  readonly backend: FakeBackend;
  readonly supervisor: Supervisor;
  readonly settings: Settings;
  readonly client: ControlClient;
  readonly socket: string;
  /** Ends what listens on the socket. */
  stop(): Promise<void>;
}

/** Runs `body` with a daemon that serves `text`, in a home directory of its own. */
export async function withFakeDaemon(
  body: (daemon: FakeDaemon) => Promise<void>,
  text: string = CONFIG_TEXT,
): Promise<void> {
  const home = await Deno.makeTempDir({ prefix: "fake-daemon-" });
  const environment = pathEnvironment(home, { xdgRuntimeDir: home, workingDirectory: home });
  const file = new ConfigFile(`${home}/.config/cloudmount.toml`, environment);
  await file.replace(await file.readOrEmpty(), text);
  const loaded = await file.read();
  const { socket } = loaded.config.daemon;
  const backend = new FakeBackend();
  const supervisor = new Supervisor(loaded.config, backend, "1.2.3");
  const onApplied = () => Promise.resolve();
  const settings = new Settings({ file, loaded, supervisor, onApplied });
  const server = await startControlServer(supervisor, settings, socket);
  const client = new ControlClient(socket);
  let stopped: Promise<void> | undefined;
  const stop = () => stopped ??= server.close();
  try {
    await supervisor.startAll();
    await body({ environment, file, backend, supervisor, settings, client, socket, stop });
  } finally {
    client.close();
    await stop();
    await Deno.remove(home, { recursive: true });
  }
}
